//! What the lab's recorder leaves on disk, and how fast two tasks can go before it drops something.
//!
//! They go as fast as they can, and ten times as long as for the costs: whatever lies between worker and disk must fill up
//! if it ever does.

use crate::child;
use crate::each::Recorder;
use crate::say;
use std::iter;

/// How many times as many polls as for the costs.
const LONGER: u64 = 10;

/// What was recorded by one of the recorders, round by round, or why not.
#[derive(Debug)]
pub struct Sustained {
    /// The recorder's name.
    pub name: &'static str,
    /// A round each.
    pub rounds: Vec<Result<Round, String>>,
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Polls a second.
    pub rate: f64,
    /// Events that were kept.
    pub events: f64,
    /// Events that were dropped.
    pub dropped: f64,
    /// Bytes of those that were kept.
    pub bytes: f64,
    /// Events a second that are read again.
    pub reads: f64,
    /// Events a second that are read and added up.
    pub adds_up: f64,
    /// Megabytes of memory that adding up takes.
    pub megabytes: f64,
}

/// Lets each recorder record so many times.
pub fn record(recorders: &[Recorder], count: usize, polls: u64) -> Vec<Sustained> {
    let rounds = |name| iter::repeat_with(|| round(name, LONGER * polls)).take(count).collect();
    let sustained = |recorder: &Recorder| {
        say(&format_args!("{}, for long", recorder.name));
        Sustained { name: recorder.name, rounds: rounds(recorder.name) }
    };
    recorders.iter().map(sustained).collect()
}

fn round(name: &str, polls: u64) -> Result<Round, String> {
    match child::record(name, polls)?[..] {
        [ns, events, dropped, bytes, reads, adds_up, megabytes] => {
            Ok(Round { rate: 1e9 / ns, events, dropped, bytes, reads, adds_up, megabytes })
        }
        _ => Err("it told something else than it was asked".to_owned()),
    }
}
