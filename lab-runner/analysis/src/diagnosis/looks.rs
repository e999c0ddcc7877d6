//! What was looked at and what was not: nothing found means little without it.

use crate::diagnosis::Case;
use crate::diagnosis::suspects::{looked, sampled, sched};
use lab_recording::Ending;
use lab_recording::profiler::Lens;

/// What a lens looks for, in words.
const LOOKS_FOR: [(Lens, &str); 3] = [
    (Lens::Sched, "who waits for whom, blocking pools, threads that stand still"),
    (Lens::Stall, "long polls, blocking calls, locks, combinators"),
    (Lens::Alloc, "memory that is kept"),
];

/// What was looked at, and what was not and why.
pub fn looks(case: &Case<'_>) -> (Vec<String>, Vec<String>) {
    let (mut done, mut missed) = (Vec::new(), Vec::new());
    for (lens, what) in LOOKS_FOR {
        // The lens `sched` has a stall sampler beside it.
        let sees = if lens == Lens::Stall { sampled(case).is_some() } else { looked(case, lens).is_some() };
        if sees { done.push(what.to_owned()) } else { missed.push(format!("{what}: {}", why(case, lens))) }
    }
    match case.measured {
        Some(_) => done.push("answers, lost requests, the machine".into()),
        None => missed.push("answers, lost requests, the machine: no run was measured".into()),
    }
    if hung(case) && case.post_mortem.is_none() && case.profiles.iter().all(|profile| profile.post_mortem.is_none()) {
        missed.push("why it hangs: there is no post-mortem".into());
    }
    missed.extend(case.measured.into_iter().flat_map(|run| &run.unread).map(|part| format!("{part}: damaged")));
    (done, missed)
}

fn why(case: &Case<'_>, lens: Lens) -> String {
    let asked = case.profiles.iter().find(|profile| profile.lens == lens);
    match asked.map(|profile| &profile.note.unavailable) {
        Some(Some(why)) => format!("the lens {lens} could not look: {why}"),
        Some(None) => format!("the lens {lens} left no word of it"),
        None => format!("the lens {lens} did not run"),
    }
}

/// Whether polls were seen at all.
pub fn saw_polls(case: &Case<'_>) -> bool {
    sampled(case).is_some()
        && sched(case).is_some_and(|sched| !sched.polls_unseen && sched.groups.iter().any(|group| group.polls > 0))
}

/// Whether the run was killed at its deadline.
pub fn hung(case: &Case<'_>) -> bool {
    let measured = case.measured.is_some_and(|run| run.recording.outcome.ending == Ending::Hung);
    measured || case.profiles.iter().any(|profile| profile.ending == Ending::Hung)
}
