//! The kinds of faults that were examined and those that were not.

use crate::diagnosis::Case;
use crate::diagnosis::suspects::{awaits, profile_under, sampled, sched};
use lab_recording::Ending;
use lab_recording::profiler::Profiler;

/// The kinds of faults that each profiler shows.
const LOOKS_FOR: [(Profiler, &str); 3] = [
    (Profiler::Sched, "waits for workers, blocking pools, stuck threads"),
    (Profiler::Stall, "long polls, blocking calls, locks, combinators"),
    (Profiler::Alloc, "retained memory"),
];

/// The kinds that were examined, and those that were not, with the reason.
pub fn looks(case: &Case<'_>) -> (Vec<String>, Vec<String>) {
    let (mut done, mut missed) = (Vec::new(), Vec::new());
    for (profiler, what) in LOOKS_FOR {
        // The profiler `sched` has a stall sampler beside it.
        let sees = if profiler == Profiler::Stall {
            sampled(case).is_some()
        } else {
            profile_under(case, profiler).is_some()
        };
        if sees {
            done.push(what.to_owned())
        } else {
            missed.push(format!("{what}: {}", why(case, profiler)))
        }
    }
    match awaits(case) {
        Some(_) => done.push("awaits of requests".into()),
        None if sched(case).is_some() => missed.push("awaits of requests: not recorded".into()),
        None => missed.push(format!("awaits of requests: {}", why(case, Profiler::Sched))),
    }
    match case.measured {
        Some(_) => done.push("answers, lost requests, the host".into()),
        None => missed.push("answers, lost requests, the host: there is no measured run".into()),
    }
    if hung(case)
        && case.post_mortem.is_none()
        && case.profiles.iter().all(|profile| profile.post_mortem.is_none())
    {
        missed.push("the reason of the hang: post-mortem missing".into());
    }
    missed.extend(
        case.measured
            .into_iter()
            .flat_map(|run| &run.unread)
            .map(|part| format!("{part}: damaged")),
    );
    (done, missed)
}

fn why(case: &Case<'_>, profiler: Profiler) -> String {
    let profile = case.profiles.iter().find(|profile| profile.profiler == profiler);
    match profile.map(|profile| &profile.note.unavailable) {
        Some(Some(why)) => format!("the profiler {profiler} was not available: {why}"),
        Some(None) => format!("the profiler {profiler} left no result"),
        None => format!("the profiler {profiler} did not run"),
    }
}

/// Whether polls were recorded.
pub fn polls_recorded(case: &Case<'_>) -> bool {
    sampled(case).is_some()
        && sched(case).is_some_and(|sched| {
            !sched.polls_not_recorded
                && sched.task_kinds.iter().any(|task_kind| task_kind.polls > 0)
        })
}

/// Whether the run was killed at its deadline.
pub fn hung(case: &Case<'_>) -> bool {
    let measured = case.measured.is_some_and(|run| run.recording.outcome.ending == Ending::Hung);
    measured || case.profiles.iter().any(|profile| profile.ending == Ending::Hung)
}
