//! The load of a run, what was answered, and how quiet the machine was, on one line; and how long
//! other runs take.

use crate::report::units::{grouped, time_ms};
use lab_analysis::requests::{Analysis, ValidityVerdict};
use lab_recording::profiler::Profiler;
use lab_recording::spec::Spec;
use lab_recording::{Ending, Load};
use std::time::Duration;

/// Cores that other processes may use, and the share that the host may take, on a machine that is
/// called quiet.
const QUIET_CORES: f64 = 0.10;
const QUIET_STEAL: f64 = 0.02;

/// What a process takes to start and to be read, beside its load.
const START: Duration = Duration::from_millis(700);
/// Measured time under a profiler.
const PROFILED: Duration = Duration::from_secs(2);

/// `2 000 requests/s for 3 s on 1 worker`
pub(crate) fn load(load: &Load) -> String {
    let workers =
        if load.workers == 1 { "1 worker".into() } else { format!("{} workers", load.workers) };
    match load.is_batch() {
        true => format!("a batch of {} on {workers}", grouped(load.size as i64)),
        false => {
            let rate = grouped(load.rate.round() as i64);
            format!("{rate} requests/s for {} s on {workers}", load.duration_ms as f64 / 1e3)
        }
    }
}

/// `all 6 000 answered`, or how many were not; of a batch how long it took.
pub(crate) fn answered(run: &Analysis) -> Option<String> {
    let count = |name: &str| run.metrics.get(name).map_or(0, |reading| reading.value as i64);
    if run.responses.is_some() {
        let (completed, offered) = (count("completed"), count("offered"));
        let answers = match completed == offered {
            true => format!("all {} answered", grouped(offered)),
            false => format!("{} of {} answered", grouped(completed), grouped(offered)),
        };
        return Some(format!("{answers}{}", not_ended(run)));
    }
    let finished = run.recording.outcome.ending == Ending::Finished;
    let wall = run.metrics.get("wall_ms").filter(|_| finished)?;
    Some(format!("finished in {}", time_ms(wall.value)))
}

/// ` · the process did not exit: killed after 5 s`; empty if it ended by itself.
fn not_ended(run: &Analysis) -> String {
    let outcome = &run.recording.outcome;
    let timeout_s = run.recording.spec.timeout_ms as f64 / 1e3;
    match outcome.ending {
        Ending::Hung => format!(" · the process did not exit: killed after {timeout_s} s"),
        Ending::Crashed => " · the process crashed".to_owned(),
        Ending::Failed => " · the run failed".to_owned(),
        Ending::Finished | Ending::Unfinished => String::new(),
    }
}

/// `host quiet`, or what took its cores; nothing where it was not measured.
pub(crate) fn machine(run: &Analysis) -> Option<String> {
    let outcome = &run.recording.outcome;
    let foreign = outcome.foreign_cores?;
    let steal = outcome.steal.map_or(0.0, |steal| steal.share);
    Some(match (foreign > QUIET_CORES, steal > QUIET_STEAL) {
        (true, _) => format!("other processes used {:.0} % of a core", foreign * 100.0),
        (_, true) => format!("the host took {:.0} % of the CPU time", steal * 100.0),
        _ => "host quiet".to_owned(),
    })
}

/// Why the numbers of a run are bounds or nothing at all, if so.
pub(crate) fn doubts(run: &Analysis) -> Vec<String> {
    let reasons = run.validity.reasons.iter();
    let head = match run.validity.verdict {
        ValidityVerdict::Valid => return Vec::new(),
        ValidityVerdict::Overload => "the tail is a lower bound",
        ValidityVerdict::Invalid => "the times of this run cannot be used",
    };
    reasons.map(|reason| format!("{head}: {reason}")).collect()
}

/// How long one run of this load takes: as long as this one did, where that is known.
fn one_run(spec: &Spec, process_ms: Option<f64>) -> Duration {
    let planned = spec.load.warmup() + spec.load.duration() + START;
    process_ms
        .filter(|ms| ms.is_finite() && *ms > 0.0)
        .map_or(planned, |ms| Duration::from_secs_f64(ms / 1e3))
}

/// How long it takes to measure a variant and to profile it.
pub(crate) fn run_takes(run: &Analysis) -> String {
    let spec = &run.recording.spec;
    let one = one_run(spec, run.recording.outcome.process_ms);
    let profiled = spec.load.warmup() + spec.load.duration().min(PROFILED) + START;
    rounded(one + profiled * Profiler::DEFAULT.len() as u32)
}

/// How long it takes to measure so many runs of this load.
pub(crate) fn runs_take(run: &Analysis, count: usize) -> String {
    let one = one_run(&run.recording.spec, run.recording.outcome.process_ms);
    rounded(one * u32::try_from(count).unwrap_or(u32::MAX))
}

/// `15 s`, `3 min`: an estimate has no more digits.
fn rounded(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 60.0 => format!("{:.0} s", (s / 5.0).ceil() * 5.0),
        s if s < 120.0 => format!("{:.0} s", (s / 10.0).ceil() * 10.0),
        s => format!("{:.0} min", (s / 60.0).ceil()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_rounded_up() {
        let text = |seconds| rounded(Duration::from_secs(seconds));
        assert_eq!(
            [1, 12, 61, 119, 121, 300].map(text),
            ["5 s", "15 s", "70 s", "120 s", "3 min", "5 min"]
        );
    }
}
