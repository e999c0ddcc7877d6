//! Collects the suspects of a run with their signs, without judging them.

mod awaits;
mod ends;
mod load;
mod memory;
mod panics;
mod polls;
mod pool;
mod sets;
mod spins;

pub use memory::kept_per_op;

use crate::awaits::Awaits;
use crate::diagnosis::{Case, Suspect};
use crate::profile::Profile;
use crate::scheduler::{Sched, Worker};
use crate::stacks::runtime_frames::{Named, POOL};
use lab_recording::frame::Frame;
use lab_recording::profiler::Profiler;

/// All suspects of a case.
pub fn all(case: &Case<'_>) -> Vec<Suspect> {
    let collectors: [fn(&Case<'_>) -> Vec<Suspect>; 14] = [
        ends::hangs,
        ends::refusals,
        ends::crashes,
        panics::panics,
        ends::stuck_threads,
        polls::locked,
        polls::polls,
        sets::sets,
        pool::pools,
        awaits::stuck,
        awaits::starved,
        spins::spins,
        load::loads,
        memory::memory,
    ];
    collectors.into_iter().flat_map(|collect| collect(case)).collect()
}

/// The profile of a profiler, if it was available.
pub fn profile_under<'a>(case: &Case<'a>, profiler: Profiler) -> Option<&'a Profile> {
    case.profiles
        .iter()
        .find(|profile| profile.profiler == profiler && profile.note.unavailable.is_none())
}

/// The scheduler statistics, if they were recorded.
pub fn sched<'a>(case: &Case<'a>) -> Option<&'a Sched> {
    profile_under(case, Profiler::Sched)?.sched.as_ref()
}

/// Where requests awaited, if that was recorded.
pub fn awaits<'a>(case: &Case<'a>) -> Option<&'a Awaits> {
    profile_under(case, Profiler::Sched)?.awaits.as_ref()
}

/// The share of their time that workers were in polls; none without polls.
pub fn busy(case: &Case<'_>) -> Option<f64> {
    let sched = sched(case).filter(|sched| !sched.polls_not_recorded)?;
    let sum = |of: fn(&Worker) -> f64| sched.workers.iter().map(of).sum::<f64>();
    let (inside, outside) = (sum(|w| w.busy_ms + w.stalled_ms), sum(|w| w.idle_ms + w.outside_ms));
    Some(inside / (inside + outside).max(f64::MIN_POSITIVE))
}

/// The profile with sampled polls: that of the scheduler profiler, else that of the stall
/// profiler.
pub fn sampled<'a>(case: &Case<'a>) -> Option<&'a Profile> {
    let has_polls = |profile: &&Profile| profile.in_polls.is_some();
    profile_under(case, Profiler::Sched)
        .filter(has_polls)
        .or_else(|| profile_under(case, Profiler::Stall).filter(has_polls))
}

/// Whether a thread belongs to a runtime, as a worker or in its blocking pool.
pub fn is_of_a_runtime(stack: &[Frame]) -> bool {
    stack.iter().any(|frame| Named::new(frame).is_in(POOL))
}
