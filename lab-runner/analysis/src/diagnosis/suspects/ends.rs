//! Runtimes that do not shut down: hangs by their post-mortem, panics in runtime shutdown, and
//! threads that were blocked there for long.

use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::{is_of_a_runtime, profile_under};
use crate::diagnosis::{Case, Cost};
use crate::hang::{Shape, explain};
use crate::resolve::crash::{is_stack_overflow, large_futures};
use crate::stacks::culprit;
use crate::stacks::doing::ends_runtime;
use crate::units::memory;
use lab_recording::Ending;
use lab_recording::profiler::Profiler;
use lab_recording::threads::Panic;

/// The panic message of tokio when it refuses to shut a runtime down.
pub const REFUSES: &str = "Cannot drop a runtime in a context where blocking is not allowed";

pub fn hangs(case: &Case<'_>) -> Vec<Suspect> {
    let Some(dead) = case.fullest_post_mortem() else { return Vec::new() };
    let explained = explain(dead);
    let sign = match explained.shape {
        Shape::Cycle if explained.has_runtime => Sign::CycleWithRuntime,
        Shape::Cycle => Sign::Cycle,
        Shape::NeverYields => Sign::WaitsForComputing,
        Shape::NoCycle => return Vec::new(),
    };
    let polled =
        dead.threads.iter().filter_map(|thread| Some(thread.poll?.for_ms)).reduce(f64::max);
    let evidence = explained.steps;
    let cost = Cost { ms: polled, requests: None };
    vec![
        Suspect {
            evidence,
            cost,
            ..Suspect::new(Suspicion::Hang, explained.at.as_ref().map(Location::from_frame))
        }
        .with(sign, 1.0),
    ]
}

pub fn refusals(case: &Case<'_>) -> Vec<Suspect> {
    let of_profilers = case.profiles.iter().flat_map(|profile| &profile.panics);
    let refused =
        case.panics.iter().chain(of_profilers).filter(|panic| panic.text.contains(REFUSES));
    // The same panic of the same run, seen once more by each profiler, is one.
    refused.max_by_key(|panic| panic.stack.len()).map(refusal).into_iter().collect()
}

fn refusal(panic: &Panic) -> Suspect {
    let message = panic.text.lines().next().unwrap_or_default();
    let suspect = Suspect::new(Suspicion::Refusal, culprit(&panic.stack).map(Location::from_frame))
        .with(Sign::RuntimeRefused, 1.0);
    Suspect { evidence: vec![format!("thread {} {message}", panic.thread)], ..suspect }
}

/// A process whose stack was full, with its last words and its largest futures.
pub fn crashes(case: &Case<'_>) -> Vec<Suspect> {
    let crashed = case.measured.filter(|run| {
        let outcome = &run.recording.outcome;
        outcome.ending == Ending::Crashed && is_stack_overflow(outcome)
    });
    let Some(run) = crashed else { return Vec::new() };
    let futures = large_futures(&run.recording.folder);
    let at = futures.first().map(|future| Location {
        function: future.function.clone(),
        file: None,
        line: None,
    });
    let mut suspect = Suspect::new(Suspicion::Crash, at).with(Sign::StackFull, 1.0);
    suspect.evidence = run.recording.outcome.text.iter().cloned().collect();
    let sizes: Vec<String> = futures
        .iter()
        .map(|future| format!("{} ({})", future.function, memory(future.bytes as f64)))
        .collect();
    suspect.evidence.push(match sizes.is_empty() {
        true => "this binary's debug information has no large future".to_owned(),
        false => format!("the largest futures of this binary: {}", sizes.join(", ")),
    });
    vec![suspect]
}

pub fn stuck_threads(case: &Case<'_>) -> Vec<Suspect> {
    let Some(profile) = profile_under(case, Profiler::Sched) else { return Vec::new() };
    let stood = profile
        .stuck_threads
        .iter()
        .filter(|at| ends_runtime(&at.stack) && is_of_a_runtime(&at.stack));
    let suspect = |at: &lab_recording::threads::StuckThread| {
        let mut suspect =
            Suspect::new(Suspicion::StuckThread, culprit(&at.stack).map(Location::from_frame))
                .with(Sign::StoodMs, at.for_ms);
        suspect.cost.ms = Some(at.for_ms);
        suspect
    };
    stood.map(suspect).collect()
}
