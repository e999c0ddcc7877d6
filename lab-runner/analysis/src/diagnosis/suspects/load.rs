//! The load as a whole, the host, and accepted requests that were dropped.

use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::polls::REQUESTS;
use crate::diagnosis::suspects::{awaits, busy, is_of_a_runtime, profile_under, sched};
use crate::diagnosis::{Case, Cost};
use crate::requests::{Analysis, ValidityVerdict};
use crate::scheduler::{Culprit, Sched};
use crate::stacks::culprit;
use crate::units::percent;
use lab_recording::Ending;
use lab_recording::profiler::Profiler;
use lab_recording::threads::StuckThread;
use std::collections::BTreeMap;

pub fn loads(case: &Case<'_>) -> Vec<Suspect> {
    [
        case.measured.and_then(|run| cut_off(case, run)),
        Some(machine(case)),
        case.measured.map(|run| load(case, run)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn count(run: &Analysis, metric: &str) -> Option<f64> {
    run.metrics.get(metric).map(|reading| reading.value)
}

/// Accepted requests that were dropped although the run came to an end by itself.
fn cut_off(case: &Case<'_>, run: &Analysis) -> Option<Suspect> {
    let ended = matches!(run.recording.outcome.ending, Ending::Finished | Ending::Failed);
    let lost = count(run, "lost").filter(|lost| ended && *lost > 0.0)?;
    let cost = Cost { ms: None, requests: Some(lost as u64) };
    Some(
        Suspect { cost, ..Suspect::new(Suspicion::Lost, ends_the_process(case)) }
            .with(Sign::CutOff, lost),
    )
}

/// The code in which the main thread was longest: it ends the process, and unfinished requests
/// with it.
fn ends_the_process(case: &Case<'_>) -> Option<Location> {
    let stuck_threads = &profile_under(case, Profiler::Sched)?.stuck_threads;
    let is_main = |at: &&StuckThread| {
        !is_of_a_runtime(&at.stack) && at.stack.iter().any(|frame| is_main(&frame.function))
    };
    let longest =
        stuck_threads.iter().filter(is_main).max_by(|a, b| a.for_ms.total_cmp(&b.for_ms))?;
    culprit(&longest.stack).map(Location::from_frame)
}

fn is_main(function: &str) -> bool {
    function == "main"
        || function.ends_with("lang_start_internal")
        || function.contains("std::rt::lang_start")
}

fn machine(case: &Case<'_>) -> Suspect {
    let outcome = case.measured.map(|run| &run.recording.outcome);
    let (all, no_core) = sched(case).and_then(waiting).unwrap_or_default();
    // Of a process that crashed the load is not judged.
    let invalid = case.measured.is_some_and(|run| {
        run.validity.verdict == ValidityVerdict::Invalid
            && run.recording.outcome.ending == Ending::Finished
    });
    let suspect = Suspect::new(Suspicion::Machine, None)
        .with_known(Sign::Stolen, outcome.and_then(|outcome| Some(outcome.steal?.share)))
        .with_known(Sign::ForeignCores, outcome.and_then(|outcome| outcome.foreign_cores))
        .with_known(Sign::NoCore, (all > 0.0).then(|| no_core.0 / all))
        .with_known(Sign::InflictedMeanMs, (no_core.1 > 0).then(|| no_core.0 / no_core.1 as f64));
    if invalid { suspect.with(Sign::PacerFailed, 1.0) } else { suspect }
}

/// All waiting, and that for a core: milliseconds and waits.
fn waiting(sched: &Sched) -> Option<(f64, (f64, u64))> {
    let blame = sched.blame.as_ref()?;
    let kernel = blame.edges.iter().filter(|edge| edge.culprit == Culprit::Kernel);
    Some((
        blame.waited_ms,
        kernel.fold((0.0, 0), |(ms, waits), edge| (ms + edge.ms, waits + edge.waits)),
    ))
}

fn load(case: &Case<'_>, run: &Analysis) -> Suspect {
    let unanswered =
        count(run, "unfinished").filter(|_| run.recording.outcome.ending != Ending::Hung);
    let cost = Cost {
        ms: None,
        requests: unanswered.filter(|count| *count > 0.0).map(|count| count as u64),
    };
    let occupier = occupier(case);
    let at = occupier.as_ref().map(|(at, _)| at.clone());
    let mut suspect = Suspect { cost, ..Suspect::new(Suspicion::Load, at) }
        .with_known(Sign::Unanswered, unanswered)
        .with_known(Sign::Busy, busy(case))
        .with_known(Sign::ForWorkerMs, for_worker_ms(case, run));
    suspect.evidence.extend(occupier.map(|(at, share)| {
        format!("{} of the waiting for a worker is for polls of {}", percent(share), at.function)
    }));
    suspect
}

/// How long a request waits for a worker on average, in milliseconds: in the profiled run, but not
/// longer than half of the measured requests took at all.
fn for_worker_ms(case: &Case<'_>, run: &Analysis) -> Option<f64> {
    let split = &awaits(case)?.split;
    let all = split.all.first_wait_ns.saturating_add(split.all.runnable_ns);
    let mean_ms = (split.requests > 0).then(|| all as f64 / 1e6 / split.requests as f64)?;
    Some(mean_ms.min(count(run, "response_p50_us")? / 1e3))
}

/// The tasks, other than requests, for whose polls more than half of the waiting is, with their
/// share of it.
fn occupier(case: &Case<'_>) -> Option<(Location, f64)> {
    let sched = sched(case)?;
    let blame = sched.blame.as_ref()?;
    let mut by_kind: BTreeMap<usize, f64> = BTreeMap::new();
    for edge in &blame.edges {
        if let Culprit::TaskKind(kind) = edge.culprit {
            *by_kind.entry(kind).or_default() += edge.ms;
        }
    }
    let (kind, ms) = by_kind.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let share = ms / blame.waited_ms.max(f64::MIN_POSITIVE);
    let kind = sched.task_kinds.get(kind).filter(|kind| share > 0.5 && kind.name != REQUESTS)?;
    let function = kind.function.clone()?;
    Some((Location { function, file: None, line: None }, share))
}
