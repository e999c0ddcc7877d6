//! Blocking pools: work that waits for a thread, while none is idle and none is added.

use crate::diagnosis::Case;
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::{profile_under, sched};
use crate::overhead::limits::{RestsOn, Size};
use lab_recording::profiler::Profiler;
use lab_recording::scheduler::Counters;
use std::collections::BTreeSet;

pub fn pools(case: &Case<'_>) -> Vec<Suspect> {
    let Some(sched) = sched(case) else { return Vec::new() };
    let runtimes: BTreeSet<u8> = sched.counters.iter().map(|at| at.runtime).collect();
    let of = |runtime: u8| -> Vec<Counters> {
        sched.counters.iter().filter(|at| at.runtime == runtime).copied().collect()
    };
    runtimes.into_iter().filter_map(|runtime| suspect(case, &of(runtime))).collect()
}

/// Consecutive readings of a pool with queued work.
#[derive(Clone, Copy, Default)]
struct Queued {
    ms: f64,
    /// Waiting of all queued work together, in milliseconds.
    waited_ms: f64,
    threads: u64,
    most: u64,
}

fn suspect(case: &Case<'_>, looks: &[Counters]) -> Option<Suspect> {
    let stretches = stretches(looks);
    let longest = *stretches.iter().max_by(|a, b| a.ms.total_cmp(&b.ms))?;
    let mut suspect = Suspect::new(Suspicion::Pool, at(case)).with(Sign::QueuedMs, longest.ms);
    let ms: f64 = stretches.iter().map(|timeline| timeline.waited_ms).sum();
    suspect.cost.ms = Some(ms);
    // Work waits for the pool beside the waiting of tasks.
    let all =
        ms + sched(case).and_then(|sched| Some(sched.blame.as_ref()?.waited_ms)).unwrap_or(0.0);
    suspect.rests_on = Some(RestsOn {
        profiler: Profiler::Sched,
        size: Size::Waiting(ms / all.max(f64::MIN_POSITIVE)),
    });
    let threads = if longest.threads == 1 { "thread" } else { "threads" };
    suspect.evidence.push(format!(
        "the pool has {} {threads}, and up to {} waited for one",
        longest.threads, longest.most
    ));
    Some(suspect)
}

fn stretches(looks: &[Counters]) -> Vec<Queued> {
    let mut all: Vec<Queued> = Vec::new();
    let mut goes_on = false;
    for [before, after] in looks.array_windows() {
        let queued = |at: &Counters| at.blocking_queue.unwrap_or(0);
        let stuck = |at: &Counters| queued(at) > 0 && at.idle_blocking_threads == Some(0);
        let same = before.blocking_threads == after.blocking_threads;
        if !(stuck(before) && stuck(after) && same) {
            goes_on = false;
            continue;
        }
        if !goes_on {
            all.push(Queued { threads: after.blocking_threads.unwrap_or(0), ..Queued::default() });
        }
        goes_on = true;
        if let Some(timeline) = all.last_mut() {
            let ms = after.at_ns.saturating_sub(before.at_ns) as f64 / 1e6;
            timeline.ms += ms;
            timeline.waited_ms += ms * queued(before) as f64;
            timeline.most = timeline.most.max(queued(before)).max(queued(after));
        }
    }
    all
}

/// The function that hands over most work; none if not recorded.
fn at(case: &Case<'_>) -> Option<Location> {
    let hand_off = profile_under(case, Profiler::Sched)?.hand_offs.first()?;
    Some(Location {
        function: hand_off.function.clone(),
        file: hand_off.file.clone(),
        line: hand_off.line,
    })
}
