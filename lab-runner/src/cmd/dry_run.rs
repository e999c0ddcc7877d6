//! `--dry-run`: the planned runs, without running them.

use crate::cli::Format;
use crate::engine::execute::{run_name, spec};
use crate::engine::plan::Planned;
use crate::exit;
use crate::exit::Exit;
use crate::report::units::{bytes, grouped};
use lab_recording::spec::Spec;
use std::time::Duration;

/// Prints the planned runs and an estimate of their time.
pub(crate) fn print_plan(runs: &[Planned], format: Format) -> anyhow::Result<Exit> {
    let specs: Vec<Spec> = runs.iter().map(spec).collect();
    if format == Format::Json {
        exit::print_json(&specs)?;
        return Ok(Exit::Done);
    }
    exit::print(|to| {
        for (number, spec) in specs.iter().enumerate() {
            let name = run_name(number, specs.len(), spec);
            writeln!(to, "{name:<24} {}", in_words(spec))?;
        }
        writeln!(to, "{}", total(runs))
    })?;
    Ok(Exit::Done)
}

/// `3.3 s of load, size 16.0 kB, seed 7, timeout 14.3 s`
fn in_words(spec: &Spec) -> String {
    let load = &spec.load;
    let timeout_s = spec.timeout_ms as f64 / 1e3;
    let work = match load.is_batch() {
        true => format!("a batch of {}", grouped(load.size as i64)),
        false => {
            let seconds = (load.warmup() + load.duration()).as_secs_f64();
            format!("{seconds} s of load, size {}", bytes(load.size))
        }
    };
    format!("{work}, seed {}, timeout {timeout_s} s", load.seed)
}

/// The number of runs, and the time of their loads; how long a batch takes is not known before it
/// was run.
fn total(runs: &[Planned]) -> String {
    let count = runs.len();
    let plural = if count == 1 { "run" } else { "runs" };
    let load: Duration = runs.iter().map(|run| run.load.warmup() + run.load.duration()).sum();
    match load.as_secs_f64().ceil() {
        0.0 => format!("{count} {plural} of a batch"),
        seconds => {
            format!("{count} {plural}, {seconds:.0} s of load and about a second more for each")
        }
    }
}
