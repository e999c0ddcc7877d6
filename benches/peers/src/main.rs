//! The instruments of others, on the program that the lab's own are measured on. `cargo bench
//! --bench instruments` asks for each.
//!
//! Each builds its runtime, measures the program in it, and where the instrument tells it looks
//! whether it has seen the polls: one that was not there costs nothing.

mod hooks;
mod others;
mod own;

use lab_kit::overhead::{self, Answer, Instrument, Job};
use lab_kit::turns::{self, Runtime, alternate, block, spawn_turns};
use std::io::Write;
use std::process::ExitCode;

const fn polls(name: &'static str, measure: fn(&Job) -> Result<Answer, String>) -> Instrument {
    Instrument { name, amount: 400_000, measure }
}

/// All of them. Each has its own measurement of the plain program beside it, on this build of
/// tokio.
const INSTRUMENTS: &[Instrument] = &[
    polls("nothing, tokio with tracing", |job| beside(job, &runtime()?)),
    polls("hooks, two clock reads, a record", hooks::recording),
    polls("tokio, both histograms, read", own::histograms),
    polls("tokio-metrics, TaskMonitor", others::task_monitor),
    polls("console-subscriber, nobody there", others::console),
    polls("tracing-flame, a span", others::flame),
    polls("dial9, polls and latency", others::dial9),
    polls("dial9, wakes too", others::dial9_wakes),
];

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    overhead::main(&args, INSTRUMENTS).unwrap_or_else(|| {
        let _ = writeln!(
            std::io::stderr(),
            "lab-peers measures nothing by itself: try cargo bench --bench instruments"
        );
        ExitCode::from(2)
    })
}

/// A runtime as it is.
fn runtime() -> Result<Runtime, String> {
    turns::builder().build().map_err(|error| error.to_string())
}

/// Plain and on this runtime, in turns.
fn beside(job: &Job, with: &Runtime) -> Result<Answer, String> {
    let plain = runtime()?;
    alternate(job.amount, || block(&plain, spawn_turns), || block(with, spawn_turns))
}

/// Refuses the number of an instrument that has seen less than there was.
fn saw(seen: u64, least: u64, what: &str) -> Result<(), String> {
    if seen < least { Err(format!("it saw {seen} {what} of at least {least}")) } else { Ok(()) }
}
