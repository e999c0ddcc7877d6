//! The instruments, in the order in which they are printed.
//!
//! Each builds its runtime, measures the program in it, and where the instrument tells it looks whether it has seen the
//! polls: one that was not there costs nothing.

mod hooks;
mod lab;
mod others;
mod own;

pub use lab::{AddedUp, Recorded, add_up};

use crate::program::{Job, builder, measure, spawn_turns};

/// Something that looks into a runtime, and how to measure it.
#[derive(Debug)]
pub struct Instrument {
    /// What it is called in the table.
    pub name: &'static str,
    /// Nanoseconds a poll in a process that has nothing else; or why not.
    pub measure: fn(&Job) -> Result<f64, String>,
}

/// What all others are held against.
pub const PLAIN: &str = "plain";
const POLLS: &str = "lab sched, polls";
const LATENCY: &str = "lab sched, polls and latency";

/// All of them.
pub static INSTRUMENTS: [Instrument; 13] = [
    Instrument { name: PLAIN, measure: plain },
    // Nothing differs here, so what is found is what this machine makes up.
    Instrument { name: "plain once more", measure: plain },
    Instrument { name: "hooks that do nothing", measure: hooks::idle },
    Instrument { name: "hooks, two clock reads and a record", measure: hooks::recording },
    Instrument { name: "tokio, schedule latency", measure: own::latency },
    Instrument { name: "tokio, both histograms", measure: own::histograms },
    Instrument { name: "tokio-metrics, TaskMonitor", measure: others::task_monitor },
    Instrument { name: "console-subscriber, nobody attached", measure: others::console },
    Instrument { name: "tracing-flame, a span a poll", measure: others::flame },
    Instrument { name: "dial9, polls and latency", measure: others::dial9 },
    Instrument { name: "dial9, wakes too", measure: others::dial9_wakes },
    Instrument { name: POLLS, measure: lab::polls },
    Instrument { name: LATENCY, measure: lab::latency },
];

/// A way in which the lab records, and how to do that for as long as it takes.
#[derive(Debug)]
pub struct Recorder {
    /// What it is called in the tables.
    pub name: &'static str,
    /// Records in a process that has nothing else.
    pub record: fn(&Job) -> Result<Recorded, String>,
}

/// Both ways of the lab.
pub static RECORDERS: [Recorder; 2] =
    [Recorder { name: POLLS, record: lab::record_polls }, Recorder { name: LATENCY, record: lab::record_latency }];

/// The plain one, and those that have one of these words in their name; all if there are no words.
pub fn chosen(all: &'static [Instrument], words: &[String]) -> Vec<&'static Instrument> {
    let named = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    all.iter().filter(|instrument| instrument.name == PLAIN || named(instrument.name)).collect()
}

fn plain(job: &Job) -> Result<f64, String> {
    let runtime = builder().build().map_err(|error| error.to_string())?;
    measure(&runtime, job.polls, spawn_turns)
}

/// Refuses the number of an instrument that has seen less than there was.
fn saw(seen: u64, least: u64, what: &str) -> Result<(), String> {
    if seen < least { Err(format!("it saw {seen} {what} of at least {least}")) } else { Ok(()) }
}
