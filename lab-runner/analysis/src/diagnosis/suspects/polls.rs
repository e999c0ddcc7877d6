//! Long polls by function, and the tasks that waited for them.

use crate::diagnosis::rules::{LONG_MS, OFTEN_WAITS};
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::{busy, profile_under, sampled, sched};
use crate::diagnosis::{Case, Cost};
use crate::overhead::limits::{RestsOn, Size};
use crate::scheduler::{Culprit, Doing, Edge, Row, Sched, Segment, worth};
use crate::stacks::doing::{ends_runtime, waits_for_lock, waits_to_write};
use crate::stacks::is_own_frame;
use crate::stacks::stalls::LongPoll;
use crate::stats::total;
use crate::units::{percent, time_ms};
use lab_recording::frame::Frame;
use lab_recording::profiler::Profiler;
use lab_recording::stall::format::OUTSIDE_TASKS;
use lab_recording::threads::StuckThread;
use std::collections::BTreeMap;

/// The name of the task kind of the load's requests.
pub const REQUESTS: &str = "requests";

pub fn polls(case: &Case<'_>) -> Vec<Suspect> {
    let Some(profile) = sampled(case) else { return Vec::new() };
    let mut by_function: BTreeMap<String, Vec<(&LongPoll, Location)>> = BTreeMap::new();
    for poll in &profile.long_polls {
        let Some(frame) = poll.blamed.as_ref() else { continue };
        let at = Location::from_frame(frame);
        by_function.entry(at.function.clone()).or_default().push((poll, at));
    }
    by_function.into_values().map(|polls| suspect(case, &polls)).collect()
}

/// A suspect for all threads that wait for locks when the run stops waiting for answers, if no
/// other thread is in a poll then: those that could release a lock are among those that wait.
///
/// *Example:* one thread holds a lock for reading and wants it for reading again, behind another
/// thread that wants it for writing. Both wait until the end, and nobody runs.
pub fn locked(case: &Case<'_>) -> Vec<Suspect> {
    let Some((profile, closed_ns)) =
        sampled(case).and_then(|profile| Some((profile, profile.closed_ns?)))
    else {
        return Vec::new();
    };
    let open: Vec<&LongPoll> =
        profile.long_polls.iter().filter(|poll| seen_at(poll, closed_ns)).collect();
    if open.is_empty() || open.iter().any(|poll| !waits_for_lock(&poll.stack)) {
        return Vec::new();
    }
    let waited_ms = |poll: &LongPoll| (closed_ns - poll.begin_ns) as f64 / 1e6;
    let shortest = open.iter().map(|poll| waited_ms(poll)).fold(f64::INFINITY, f64::min);
    let depth = telling_depth(&open);
    let at = first_locked(&open).and_then(|poll| own_frame(poll, depth));
    let mut suspect = Suspect::new(Suspicion::Locked, at.map(Location::from_frame))
        .with(Sign::Locked, open.len() as f64)
        .with(Sign::LockedMs, shortest);
    suspect.evidence = open
        .iter()
        .filter_map(|poll| waits_at(own_frame(poll, depth)?, poll, waited_ms(poll)))
        .collect();
    if open.len() == 1 {
        let itself = "no other thread of the runtime runs or waits: it waits for what it holds";
        suspect.evidence.push(itself.into());
    }
    vec![suspect]
}

/// The poll of which a deadlock is told: the oldest one, but one that waits to read before one that
/// waits to write. A reader waits behind a writer that waits itself, so the guard that both wait for
/// is one that was taken to read.
///
/// *Example:* `status` reads, `follow` waits to write, and `status` reads again: that `status` reads
/// twice is the fault, whichever of the two polls began first.
fn first_locked<'a>(open: &[&'a LongPoll]) -> Option<&'a LongPoll> {
    open.iter().copied().min_by_key(|poll| (waits_to_write(&poll.stack), poll.begin_ns))
}

/// The user's frame of a poll's stack at this depth, from the innermost one.
fn own_frame(poll: &LongPoll, depth: usize) -> Option<&Frame> {
    poll.stack.iter().filter(|frame| is_own_frame(frame)).nth(depth)
}

/// The depth at which the stacks of threads that wait for locks differ: a helper that takes every
/// lock of the program is no place.
///
/// *Example:* two threads wait in `locked`, one called by `join`, one by `leave`: depth 1.
fn telling_depth(polls: &[&LongPoll]) -> usize {
    let Some((first, others)) = polls.split_first() else { return 0 };
    let is_same = |depth: usize| {
        let frame = own_frame(first, depth);
        others.iter().all(|poll| own_frame(poll, depth) == frame)
    };
    let has_callers = |depth: usize| polls.iter().all(|poll| own_frame(poll, depth + 1).is_some());
    let mut depth = 0;
    while !others.is_empty() && is_same(depth) && has_callers(depth) {
        depth += 1;
    }
    // Where the stacks are the same all the way, their innermost frame is the place.
    if is_same(depth) { 0 } else { depth }
}

/// The share of the load for which a poll was open that had not ended when the load was over; none
/// if it had, or if it waited for a core for most of that time: then the host kept it from its end.
fn open_share(case: &Case<'_>, poll: &LongPoll) -> Option<f64> {
    const OWN: f64 = 0.5;
    let profile = sampled(case)?;
    let closed_ns = profile.closed_ns.filter(|closed_ns| seen_at(poll, *closed_ns))?;
    let load_ms = profile.spec.load.duration_ms as f64;
    let open_ms = (closed_ns - poll.begin_ns) as f64 / 1e6;
    let share = open_ms / load_ms.max(1.0);
    (load_ms > 0.0 && own_ms(poll) >= OWN * open_ms).then_some(share)
}

/// Whether a poll was open at a time: it is seen up to its last sample, which may be a few ticks
/// before its end.
fn seen_at(poll: &LongPoll, at_ns: u64) -> bool {
    const TICKS_NS: u64 = 20_000_000;
    poll.begin_ns < at_ns && total([poll.begin_ns, poll.seen_ns, TICKS_NS]) >= at_ns
}

/// `thread 17 waits for RwLock::read in shop::status (src/main.rs:42) for 1.8 s`.
fn waits_at(frame: &Frame, poll: &LongPoll, ms: f64) -> Option<String> {
    let own = Location::from_frame(frame);
    let line = match (&own.file, own.line) {
        (Some(file), Some(line)) => {
            format!(" ({}:{line})", file.rsplit('/').next().unwrap_or_default())
        }
        _ => String::new(),
    };
    Some(format!(
        "thread {} waits for a lock in {}{line} for {}",
        poll.thread,
        own.function,
        time_ms(ms)
    ))
}

/// The time of a poll without its waiting for a core.
fn own_ms(poll: &LongPoll) -> f64 {
    poll.seen_ns as f64 / 1e6 * (1.0 - poll.runnable).max(0.0)
}

fn suspect(case: &Case<'_>, polls: &[(&LongPoll, Location)]) -> Suspect {
    let own: f64 = polls.iter().map(|(poll, _)| own_ms(poll)).sum();
    let share_of = |part: f64| part / own.max(f64::MIN_POSITIVE);
    let where_stack = |is: fn(&[lab_recording::frame::Frame]) -> bool| {
        share_of(
            polls.iter().filter(|(poll, _)| is(&poll.stack)).map(|(poll, _)| own_ms(poll)).sum(),
        )
    };
    let (at_lock, ends) = (where_stack(waits_for_lock), where_stack(ends_runtime));
    let on_cpu: f64 = polls.iter().map(|(poll, _)| poll.on_cpu * poll.seen_ns as f64 / 1e6).sum();
    let computes = share_of(on_cpu).min(1.0);
    let longest = polls.iter().max_by(|a, b| own_ms(a.0).total_cmp(&own_ms(b.0)));
    let at = longest.map(|(_, at)| at.clone());
    let outside = longest.is_some_and(|(poll, _)| poll.task == OUTSIDE_TASKS);
    let mut lengths: Vec<f64> = polls.iter().map(|(poll, _)| own_ms(poll)).collect();
    lengths.sort_by(f64::total_cmp);
    let of_function = Polls {
        usual_ms: lengths.get(lengths.len() / 2).copied().unwrap_or(0.0),
        outside,
        longest_ms: longest.map_or(0.0, |(poll, _)| own_ms(poll)),
        long_ms: polls.iter().map(|(poll, _)| own_ms(poll)).filter(|ms| *ms >= LONG_MS).sum(),
    };
    let mut suspect = Suspect::new(Suspicion::Polls, at)
        .with_known(Sign::LongShare, long_share(case, longest.map(|(_, at)| at), &of_function))
        .with(Sign::LongestPollMs, of_function.longest_ms)
        .with(Sign::AtLock, at_lock)
        .with(Sign::EndsRuntime, ends)
        .with(Sign::Computes, computes)
        .with(Sign::InKernel, (1.0 - computes).max(0.0))
        .with(Sign::InKernelMs, own * (1.0 - computes).max(0.0));
    suspect.cost.ms = Some(own);
    suspect.rests_on =
        sampled(case).map(|profile| RestsOn { profiler: profile.profiler, size: Size::Ms(own) });
    if let Some((poll, _)) = longest {
        suspect.evidence.extend(code_that_ran(poll));
        suspect.evidence.extend(poll.blocked());
    }
    if outside {
        let unseen = "it is part of the future of block_on or of a task of a LocalSet, for which tokio \
                      calls no hooks: it was seen by samples alone";
        suspect.evidence.push(unseen.into());
    }
    if at_lock > 0.5 {
        suspect.evidence.extend(holder(case, suspect.at.as_ref()));
    }
    let suspect = match sched(case) {
        Some(sched) if busy(case).is_some_and(|busy| busy >= FULL) => {
            let longest = suspect.signs.get(&Sign::LongestPollMs).copied().unwrap_or(0.0);
            match is_usual(sched, suspect.at.as_ref(), longest) {
                // Each task has as much to do, and all workers are busy with it: that is too much
                // load, and no poll that is too long among others.
                true => suspect,
                false => harm(suspect, sched, outside),
            }
        }
        Some(sched) => harm(suspect, sched, outside),
        None => suspect,
    };
    let waits = suspect.signs.get(&Sign::InflictedWaits).copied().unwrap_or(0.0);
    let open = polls.iter().filter_map(|(poll, _)| open_share(case, poll));
    let open = open.reduce(f64::max).filter(|_| waits < OFTEN_WAITS || any_unanswered(case));
    suspect.with_known(Sign::OpenShare, open)
}

/// Whether a request of the profiled run has no answer. If tasks waited for a poll and all requests
/// were answered, then that poll ended before the last of them.
fn any_unanswered(case: &Case<'_>) -> bool {
    let count = |name: &str| Some(*sampled(case)?.metrics.get(name)?);
    ["lost", "unfinished"].into_iter().filter_map(count).any(|requests| requests > 0.0)
}

/// The time of long polls as a share of all polls of the tasks that the function delayed others in;
/// none if the tasks work for much of the run, in polls that are all about as long. Such a task has
/// chosen the length of its polls, and some are longer on a host that is slow for a moment. One that
/// waits in between stalls the others for no need.
fn long_share(case: &Case<'_>, at: Option<&Location>, polls: &Polls) -> Option<f64> {
    const NOW_AND_THEN: f64 = 0.15;
    let (function, sched) = (&at?.function, sched(case)?);
    let kinds = sched.task_kinds.iter();
    let its = kinds.filter(|kind| kind.function.as_ref() == Some(function));
    let (mut all_ms, mut usual_ms) = (0.0_f64, 0.0);
    for kind in its {
        all_ms += kind.poll_us.sum / 1e3;
        let are_alike = polls.longest_ms < USUAL * kind.poll_us.p50 / 1e3;
        usual_ms += if are_alike { kind.poll_us.sum / 1e3 } else { 0.0 };
    }
    if polls.outside {
        all_ms = outside_ms(sched);
    }
    let works_ms = f64::max(polls.long_ms, usual_ms);
    // What takes twice as long as a long poll in most cases is no slice of work.
    let now_and_then = works_ms <= NOW_AND_THEN * sched.wall_ms || polls.usual_ms >= 2.0 * LONG_MS;
    (all_ms > 0.0 && now_and_then).then(|| (polls.long_ms / all_ms).min(1.0))
}

/// Polls of a function.
struct Polls {
    /// The median of those that were sampled.
    usual_ms: f64,
    /// Whether they are of no task: of the future of `block_on`, or in a `LocalSet`.
    outside: bool,
    longest_ms: f64,
    /// The time of those that are long.
    long_ms: f64,
}

/// The share of their time in polls from which workers have no time left.
const FULL: f64 = 0.9;
/// A poll below this multiple of the median poll of its own task kind is as long as the others.
const USUAL: f64 = 4.0;

/// Whether the tasks that wait for polls of a function are those that it runs in, and each of them
/// has polls as long as its longest one.
fn is_usual(sched: &Sched, at: Option<&Location>, longest_ms: f64) -> bool {
    let waits_most = |number: usize| {
        let edges = sched.blame.iter().flat_map(|blame| &blame.edges);
        let its = edges.filter(|edge| edge.culprit == Culprit::TaskKind(number));
        its.max_by(|a, b| a.ms.total_cmp(&b.ms)).is_some_and(|edge| edge.victim == number)
    };
    let function = at.map(|at| &at.function);
    let mut its =
        sched.task_kinds.iter().enumerate().filter(|(_, kind)| kind.function.as_ref() == function);
    its.any(|(number, kind)| waits_most(number) && longest_ms < USUAL * kind.poll_us.p50 / 1e3)
}

/// The waiting for polls of the function, and its longest poll as a share of the work of a
/// task.
fn harm(suspect: Suspect, sched: &Sched, outside: bool) -> Suspect {
    let Some(function) = suspect.at.as_ref().map(|at| at.function.clone()) else { return suspect };
    let is_its = |number: usize| {
        sched
            .task_kinds
            .get(number)
            .is_some_and(|task_kind| task_kind.function.as_ref() == Some(&function))
    };
    let task_kinds = (0..sched.task_kinds.len()).filter(|number| is_its(*number));
    let per_task = task_kinds.map(|number| &sched.task_kinds[number]).map(|task_kind| {
        let tasks = task_kind.spawned.max(task_kind.ended).max(1);
        task_kind.poll_us.sum / 1e3 / tasks as f64
    });
    let of_no_task = outside.then(|| outside_ms(sched));
    let per_task = of_no_task.or_else(|| per_task.reduce(f64::max));
    let longest = suspect.signs.get(&Sign::LongestPollMs).copied().unwrap_or(0.0);
    let edges: Vec<&Edge> = match outside {
        true => sched
            .blame
            .iter()
            .flat_map(|blame| &blame.edges)
            .filter(|edge| edge.culprit == Culprit::OutsidePolls)
            .collect(),
        false => worth(sched)
            .into_iter()
            .filter(|edge| matches!(edge.culprit, Culprit::TaskKind(number) if is_its(number)))
            .collect(),
    };
    let ms: f64 = edges.iter().map(|edge| edge.ms).sum();
    let waits = total(edges.iter().map(|edge| edge.waits));
    let all = sched.blame.as_ref().map_or(0.0, |blame| blame.waited_ms);
    let hit = edges.iter().filter(|edge| {
        sched.task_kinds.get(edge.victim).is_some_and(|task_kind| task_kind.name == REQUESTS)
    });
    let requests = total(hit.map(|edge| edge.waits));
    let suspect = suspect
        .with_known(Sign::ShareOfTask, per_task.map(|ms| longest / ms.max(f64::MIN_POSITIVE)))
        .with_known(Sign::OverService, over_service(sched, &edges, longest))
        .with_known(Sign::AsleepBeside, asleep_beside(sched, is_its));
    if waits == 0 {
        return suspect;
    }
    let cost = Cost { ms: Some(ms), requests: (requests > 0).then_some(requests) };
    let share = ms / all.max(f64::MIN_POSITIVE);
    let rests_on = Some(RestsOn { profiler: Profiler::Sched, size: Size::Waiting(share) });
    let suspect = Suspect { cost, rests_on, ..suspect };
    suspect
        .with(Sign::InflictedMeanMs, ms / waits as f64)
        .with(Sign::InflictedWaits, waits as f64)
        .with(Sign::InflictedShare, share)
}

/// The time in which workers were awake and polled no task, in milliseconds.
fn outside_ms(sched: &Sched) -> f64 {
    sched.workers.iter().map(|worker| worker.outside_ms).sum()
}

/// The longest poll, divided by the median poll of the task kind that waited longest for it.
fn over_service(sched: &Sched, edges: &[&Edge], longest_ms: f64) -> Option<f64> {
    let most = edges.iter().max_by(|a, b| a.ms.total_cmp(&b.ms))?;
    let victim = sched.task_kinds.get(most.victim)?;
    (victim.polls > 0).then(|| longest_ms * 1e3 / victim.poll_us.p50.max(1e-3))
}

/// A driver that nobody looks at keeps several requests waiting; one task may wait in the slot of
/// the worker that woke it, from which no other worker takes it.
const SEVERAL: f64 = 2.0;

/// Of the waiting of tasks during long polls of some task kinds, the share during which another
/// worker of the same runtime slept.
///
/// *Example:* of two workers one is in a poll of 250 ms, in which 100 requests come and wait. The
/// other one sleeps: the share is near 1. If it ran tasks meanwhile, no request would wait for long.
fn asleep_beside(sched: &Sched, is_its: impl Fn(usize) -> bool) -> Option<f64> {
    let whole = sched.whole.as_ref()?;
    let step_ms = whole.ms / whole.waiting.len().max(1) as f64;
    let (mut all, mut asleep) = (0.0, 0.0);
    for (number, waiting) in whole.waiting.iter().enumerate() {
        let at_ms = (number as f64 + 0.5) * step_ms;
        let doing = |row: &Row| row.segments.iter().find(|segment| covers(segment, at_ms)).copied();
        let is_long = |row: &&Row| {
            doing(row).is_some_and(|segment| {
                let its = matches!(segment.doing, Doing::Polls(kind) if is_its(kind));
                its && segment.ms >= LONG_MS
            })
        };
        let Some(held) = whole.rows.iter().find(is_long) else { continue };
        all += waiting;
        let mut others = whole
            .rows
            .iter()
            .filter(|other| other.runtime == held.runtime && other.worker != held.worker);
        let sleeps =
            others.any(|row| doing(row).is_some_and(|segment| segment.doing == Doing::Asleep));
        if sleeps && *waiting >= SEVERAL {
            asleep += waiting;
        }
    }
    (all > 0.0).then(|| asleep / all)
}

fn covers(segment: &Segment, at_ms: f64) -> bool {
    segment.at_ms <= at_ms && at_ms < segment.at_ms + segment.ms
}

/// The line of user code with most samples of the poll, where it is more specific than the
/// blamed function.
fn code_that_ran(poll: &LongPoll) -> Option<String> {
    let blamed = Location::from_frame(poll.blamed.as_ref()?).function;
    let Some(ran) = &poll.ran else {
        // A recording of an older version has the most frequent stack alone.
        let inner = poll.stack.iter().find(|frame| is_own_frame(frame))?;
        return (Location::from_frame(inner).function != blamed)
            .then(|| format!("the code that ran is {inner}"));
    };
    let elsewhere = Location::from_frame(&ran.frame).function != blamed;
    let inside = ran.inside.as_ref().map_or_else(String::new, |inside| format!(", in {inside}"));
    (elsewhere || !inside.is_empty())
        .then(|| format!("{} of its samples are at {}{inside}", percent(ran.share), ran.frame))
}

/// Another thread that was in the same function for long at the same time, and may have held
/// the lock.
fn holder(case: &Case<'_>, at: Option<&Location>) -> Option<String> {
    let function = &at?.function;
    let stuck_threads = &profile_under(case, Profiler::Sched)?.stuck_threads;
    let stands_in = |stuck_threads: &&StuckThread| {
        stuck_threads.stack.iter().any(|frame| frame.function.starts_with(function.as_str()))
    };
    let longest =
        stuck_threads.iter().filter(stands_in).max_by(|a, b| a.for_ms.total_cmp(&b.for_ms))?;
    let frame = longest.stack.iter().find(|frame| is_own_frame(frame))?;
    Some(format!("another thread was in {frame} for {} at the same time", time_ms(longest.for_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(functions: &[&str]) -> LongPoll {
        let frame = |function: &&str| Frame {
            function: (*function).into(),
            file: Some("src/main.rs".into()),
            line: Some(7),
        };
        LongPoll {
            task: 7,
            thread: 1,
            poll: 1,
            begin_ns: 0,
            seen_ns: 0,
            samples: 1,
            on_cpu: 0.0,
            runnable: 0.0,
            stack: functions.iter().map(frame).collect(),
            blamed: None,
            stack_share: 1.0,
            ran: None,
            waits: Vec::new(),
        }
    }

    #[test]
    fn a_helper_that_takes_every_lock_is_no_place() {
        let joins = poll(&["shop::locked", "shop::join", "shop::serve"]);
        let leaves = poll(&["shop::locked", "shop::leave", "shop::serve"]);
        assert_eq!(telling_depth(&[&joins, &leaves]), 1);
        assert_eq!(own_frame(&joins, 1).unwrap().function, "shop::join");
        assert_eq!(telling_depth(&[&joins, &joins]), 0, "the same all the way");
        assert_eq!(telling_depth(&[&joins]), 0, "nothing to be told from");
        let direct = poll(&["shop::leave", "shop::serve"]);
        assert_eq!(telling_depth(&[&joins, &direct]), 0);
    }

    #[test]
    fn a_deadlock_of_a_reader_and_a_writer_is_told_of_the_reader() {
        let waits = |call: &str, function: &str, begin_ns: u64| {
            let mut poll = LongPoll { begin_ns, ..poll(&["", function]) };
            poll.stack[0] = Frame { function: call.into(), file: None, line: None };
            poll
        };
        let first = |polls: [&LongPoll; 2]| first_locked(&polls).unwrap().stack[1].function.clone();
        let reads = "std::sys::sync::rwlock::futex::RwLock::read_contended";
        let writes = "std::sys::sync::rwlock::futex::RwLock::write_contended";
        let locks = "std::sys::sync::mutex::futex::Mutex::lock_contended";
        let (status, follow) = (waits(reads, "shop::status", 9), waits(writes, "shop::follow", 5));
        assert_eq!(first([&follow, &status]), "shop::status");
        let (join, leave) = (waits(locks, "shop::join", 5), waits(locks, "shop::leave", 9));
        assert_eq!(first([&leave, &join]), "shop::join", "the oldest one");
    }
}
