//! Third-party instruments, measured on the same program as the lab's own. `cargo bench --bench
//! instruments` starts this binary for each.
//!
//! Each measurement builds a runtime and measures the program in it. If the instrument counts
//! polls, the count is checked: an instrument that was not active would appear to cost nothing.

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

/// All instruments. Each is compared with the plain program on this build of tokio.
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
            "lab-peers is started by a bench: try cargo bench --bench instruments"
        );
        ExitCode::from(2)
    })
}

/// A runtime without an instrument.
fn runtime() -> Result<Runtime, String> {
    turns::builder().build().map_err(|error| error.to_string())
}

/// Measures the program on a plain runtime and on this one, in alternation.
fn beside(job: &Job, with: &Runtime) -> Result<Answer, String> {
    let plain = runtime()?;
    alternate(job.amount, || block(&plain, spawn_turns), || block(with, spawn_turns))
}

/// Checks the count of an instrument.
///
/// # Errors
/// If the instrument has counted less than there was.
fn check_count(count: u64, least: u64, what: &str) -> Result<(), String> {
    if count < least {
        return Err(format!("the instrument counted {count} {what} of at least {least}"));
    }
    Ok(())
}
