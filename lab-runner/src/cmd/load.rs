//! The load that a command line asks for: the scenario's own, with what the arguments replace.
//! Wrong input is refused here, before anything is started or written.

use crate::cli::LoadArgs;
use crate::engine::plan::Planned;
use crate::exit::UsageError;
use lab_kit::Scenario;
use lab_recording::Load;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The scenario's load with what the command line replaces.
pub(crate) fn load(scenario: &Scenario, args: &LoadArgs) -> anyhow::Result<Load> {
    let base = &scenario.load;
    refuse_what_does_not_apply(scenario, args)?;
    let messages = args.messages.as_deref().map(|file| {
        canonical(file, "read the messages in", "try a file with one JSON document a line")
    });
    let files = args
        .files
        .as_deref()
        .map(|folder| canonical(folder, "read the folder", "try a folder of text files"));
    let stall_ms = args.stall.map(|time| time.as_millis() as u64).or(base.stall_ms);
    Ok(Load {
        seed: args.seed.unwrap_or(base.seed),
        arrivals: args.arrivals.unwrap_or(base.arrivals),
        rate: args.rate.unwrap_or(base.rate),
        duration_ms: args.duration.map_or(base.duration_ms, |time| time.as_millis() as u64),
        workers: args.workers.unwrap_or(base.workers),
        size: args.size.unwrap_or(base.size),
        messages: messages.transpose()?.or_else(|| base.messages.clone()),
        stall_ms,
        // Requests that waited for a stall are answered after it, and there may be several stalls
        // in a row.
        drain_ms: base.drain_ms.saturating_add(stall_ms.unwrap_or(0).saturating_mul(3)),
        files: files.transpose()?.or_else(|| base.files.clone()),
        ..base.clone()
    })
}

/// A recording should say which file it was, wherever it is read.
fn canonical(path: &Path, what: &str, next: &str) -> anyhow::Result<PathBuf> {
    let shown = path.display();
    fs::canonicalize(path)
        .map_err(|error| UsageError::error(format!("cannot {what} '{shown}': {error}: {next}")))
}

/// A batch has no rate, and a stream of requests is no batch.
fn refuse_what_does_not_apply(scenario: &Scenario, args: &LoadArgs) -> anyhow::Result<()> {
    let name = scenario.name;
    let of_a_stream = [
        ("--rate", args.rate.is_some()),
        ("--duration", args.duration.is_some()),
        ("--arrivals", args.arrivals.is_some()),
    ];
    if scenario.load.is_batch()
        && let Some((option, _)) = of_a_stream.iter().find(|(_, given)| *given)
    {
        return Err(UsageError::error(format!(
            "{name} is a batch, all of whose items are there at once: leave {option} away"
        )));
    }
    if !scenario.load.is_batch() && args.arrivals == Some(lab_recording::Arrivals::Batch) {
        return Err(UsageError::error(format!(
            "{name} is a stream of requests, no batch: try --arrivals poisson"
        )));
    }
    Ok(())
}

/// Refuses a load that neither the lab nor the scenario can put on anything.
pub(crate) fn check(scenario: &Scenario, load: &Load) -> anyhow::Result<()> {
    load.check().map_err(UsageError::error)?;
    let what = format!("a load of {} requests", requests(load));
    lab_kit::fits_memory_or(&what, memory(load), "lower --rate or --duration")
        .map_err(|error| UsageError::error(format!("{error:#}")))?;
    (scenario.check)(load).map_err(|error| UsageError::error(format!("{error:#}")))
}

/// All requests of a load, those of the warm-up included; none of a batch.
fn requests(load: &Load) -> u64 {
    match load.is_batch() {
        true => 0,
        false => (load.rate * (load.warmup() + load.duration()).as_secs_f64()) as u64,
    }
}

/// An upper bound of the memory of a load's requests in bytes. A service that does not keep up has
/// all of them waiting at the end, each a task of its own with a slot in the request log: measured
/// were 290 bytes a request.
fn memory(load: &Load) -> u64 {
    const EACH: u64 = 320;
    requests(load) * EACH
}

/// Announces a load that may take much memory, before it does.
pub(crate) fn announce_memory(load: &Load) {
    const MUCH: u64 = 1 << 30;
    let bytes = memory(load);
    if bytes >= MUCH {
        let gib = bytes as f64 / (1u64 << 30) as f64;
        crate::exit::say(&format!("note: this load takes up to {gib:.1} GiB of memory"));
    }
}

/// A kill before the end of the load would be reported as a hang.
pub(crate) fn check_timeout(runs: &[Planned]) -> anyhow::Result<()> {
    // A batch has no time of its own, and starting a process takes some.
    const LEAST: Duration = Duration::from_millis(100);
    for run in runs {
        let least = (run.load.warmup() + run.load.duration()).max(LEAST);
        if run.timeout < least {
            return Err(UsageError::error(format!(
                "a --timeout of {} s is over before the load, which takes {} s: try a longer \
                 --timeout or a shorter --duration",
                run.timeout.as_secs_f64(),
                least.as_secs_f64()
            )));
        }
    }
    Ok(())
}

/// A stall that outlasts its run would only show that the run was killed.
pub(crate) fn check_stall(runs: &[Planned]) -> anyhow::Result<()> {
    for run in runs {
        let stall = std::time::Duration::from_millis(run.load.stall_ms.unwrap_or(0));
        if stall >= run.timeout {
            return Err(UsageError::error(format!(
                "a stall of {} s outlasts the run, which is killed after {} s: try a longer \
                 --timeout or a shorter --stall",
                stall.as_secs_f64(),
                run.timeout.as_secs_f64()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::tests::MADE_UP;
    use crate::engine::plan::{Which, plan};
    use lab_recording::Load;

    #[test]
    fn a_timeout_below_the_loads_own_time_is_refused() {
        let check = |load: &Load, ms| {
            check_timeout(
                &plan(&MADE_UP, Which::Buggy, load, Some(Duration::from_millis(ms))).unwrap(),
            )
        };
        let load = Load { warmup_ms: 500, duration_ms: 3_000, ..Load::DEFAULT };
        assert!(check(&load, 3_500).is_ok());
        let refused = check(&load, 3_499).unwrap_err();
        assert!(
            refused.is::<UsageError>() && refused.to_string().contains("takes 3.5 s"),
            "{refused}"
        );
        assert!(check(&Load::BATCH, 1).is_err() && check(&Load::BATCH, 1_000).is_ok());
    }
}
