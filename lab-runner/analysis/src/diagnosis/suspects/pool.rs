//! Blocking pools: work that waits for a thread, while none is idle and none is added.

use crate::diagnosis::Case;
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::{profile_under, sched};
use crate::hang::roles::{Wait, waits_for};
use crate::overhead::limits::{RestsOn, Size};
use crate::stacks::runtime_frames::{Named, POOL, TASK_POLL, WORKER};
use crate::stacks::{is_own_frame, without_closures};
use crate::units::percent;
use lab_recording::frame::Frame;
use lab_recording::profiler::Profiler;
use lab_recording::scheduler::Counters;
use lab_recording::threads::{HandOff, StuckThread};
use std::collections::{BTreeMap, BTreeSet};

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
    let stuck = stuck(case, longest);
    let Filled { by, job, victims } = filled(case);
    let at = stuck.as_ref().and_then(|stuck| stuck.at.clone());
    let mut suspect = Suspect::new(Suspicion::Pool, at.or(by))
        .with(Sign::QueuedMs, longest.ms)
        .with_known(Sign::PoolWaits, stuck.as_ref().map(|stuck| stuck.share))
        .with_known(Sign::PoolWaitsMs, stuck.as_ref().map(|stuck| stuck.shortest_ms));
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
    suspect.evidence.extend(job.map(|(frame, share)| {
        format!("{} of the time for which its threads stood in jobs was in {frame}", percent(share))
    }));
    if !victims.is_empty() {
        suspect.evidence.push(format!("work of {} waited behind it", victims.join(", ")));
    }
    Some(suspect)
}

/// Threads of a pool that all wait in their jobs for other code.
struct Stuck {
    share: f64,
    shortest_ms: f64,
    at: Option<Location>,
}

/// Such threads, if no thread of the pool goes on: then no work that waits for the pool begins, and
/// a job that waits for such work waits for ever. A job that sleeps goes on by itself.
fn stuck(case: &Case<'_>, longest: Queued) -> Option<Stuck> {
    let profile = profile_under(case, Profiler::Sched)?;
    let waits = profile.stuck_threads.iter().filter(|thread| {
        let wait = waits_for(&thread.stack);
        is_job(&thread.stack) && wait.is_some_and(|wait| !matches!(wait, Wait::Sleep | Wait::Idle))
    });
    let mut waits: Vec<&StuckThread> = waits.collect();
    waits.sort_by(|a, b| b.for_ms.total_cmp(&a.for_ms));
    let threads = usize::try_from(longest.threads).ok().filter(|threads| *threads > 0)?;
    waits.truncate(threads);
    let shortest = waits.last()?;
    let own = shortest.stack.iter().find(|frame| is_own_frame(frame));
    Some(Stuck {
        share: waits.len() as f64 / threads as f64,
        shortest_ms: shortest.for_ms.min(longest.ms),
        at: own.map(Location::from_frame),
    })
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

/// Who fills a pool: the job that its threads stand in for longest, who hands such jobs over, and
/// who else waits behind them.
#[derive(Default)]
struct Filled {
    /// The function that hands the jobs over.
    by: Option<Location>,
    /// The user's function in which threads of the pool stood, with its share of their time. A job
    /// of the runtime, such as reading a file, has none.
    job: Option<(Frame, f64)>,
    /// Functions whose work waits behind these jobs.
    victims: Vec<String>,
}

/// Hand-offs are counted, and a job that takes a microsecond is handed over as often as one that
/// stands for a second. So the jobs that stand come first: those of the user were handed over by
/// code that is not the runtime's, and the other way round.
fn filled(case: &Case<'_>) -> Filled {
    let Some(profile) = profile_under(case, Profiler::Sched) else { return Filled::default() };
    let mut standing: BTreeMap<Option<String>, (f64, Option<&Frame>)> = BTreeMap::new();
    let jobs = profile.stuck_threads.iter().filter(|thread| is_job(&thread.stack));
    for thread in jobs {
        let frame = thread.stack.iter().find(|frame| is_own_frame(frame));
        let function = frame.map(|frame| without_closures(&frame.function));
        let (ms, at) = standing.entry(function).or_default();
        *ms += thread.for_ms;
        *at = frame;
    }
    let all: f64 = standing.values().map(|(ms, _)| ms).sum();
    let longest = standing.into_values().max_by(|a, b| a.0.total_cmp(&b.0));
    let of_runtime = longest.as_ref().map(|(_, frame)| frame.is_none());
    let fits = |hand_off: &&HandOff| of_runtime.is_none_or(|is| is == hand_off.of_runtime);
    let by = profile.hand_offs.iter().find(fits).or(profile.hand_offs.first());
    let others = profile.hand_offs.iter().filter(|hand_off| Some(*hand_off) != by);
    Filled {
        by: by.map(|by| Location {
            function: by.function.clone(),
            file: by.file.clone(),
            line: by.line,
        }),
        job: longest.and_then(|(ms, frame)| {
            Some((
                Frame { function: without_closures(&frame?.function), ..frame?.clone() },
                ms / all,
            ))
        }),
        victims: others.map(|hand_off| hand_off.function.clone()).take(3).collect(),
    }
}

/// Whether a thread of a pool is in a job.
fn is_job(stack: &[Frame]) -> bool {
    let has = |table| stack.iter().any(|frame| Named::new(frame).is_in(table));
    has(POOL) && has(TASK_POLL) && !has(WORKER)
}
