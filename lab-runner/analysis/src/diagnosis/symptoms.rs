//! Symptoms that no finding explains: a run with one is not called healthy.
//!
//! Profiles without a fault do not prove a healthy run. So the symptoms of the measured run
//! (unanswered and slow requests) must appear in the profiled runs too, or the diagnosis is
//! undecided; and a long poll is reported even if no task was recorded waiting for it.

use crate::awaits::{Site, Split};
use crate::diagnosis::Case;
use crate::diagnosis::rules::NOTICED_MS;
use crate::diagnosis::suspects::{awaits, kept_per_op, profile_under, sampled, sched};
use crate::profile::Profile;
use crate::requests::Analysis;
use crate::scheduler::Culprit;
use crate::stacks::runtime_frames::Awaited;
use crate::stacks::stalls::LongPoll;
use crate::units::{grouped, memory, percent, time_ms};
use lab_recording::profiler::Profiler;

/// A latency of the measured run below this many milliseconds is no symptom.
const SLOW_MS: f64 = 10.0;
/// A symptom is missing in a profiled run if the measured latency is more than this number of
/// times larger: shorter loads and chance explain less.
const MISSING: f64 = 4.0;

/// The latencies that are compared: the metric in microseconds, and its name in words.
const LATENCIES: [(&str, &str); 3] =
    [("response_p99_us", "p99"), ("response_p90_us", "p90"), ("response_p50_us", "median")];

/// The symptoms that keep a run from being called healthy, each a clause with its numbers.
pub fn unexplained(case: &Case<'_>) -> Vec<String> {
    let mut all: Vec<String> = case.measured.into_iter().filter_map(without_answer).collect();
    all.extend(long_poll(case));
    all.extend(slow_hundredth(case));
    all.extend(memory_kept(case));
    all.extend(case.measured.into_iter().flat_map(|run| missing(run, case.profiles)));
    all
}

/// Memory that grew with the requests, where no profiler shows who keeps it. What is growth, and
/// what only filled up, is decided by the profiler `alloc`.
pub fn memory_kept(case: &Case<'_>) -> Option<String> {
    if profile_under(case, Profiler::Alloc).is_some() {
        return None;
    }
    let per_op = kept_per_op(case)?;
    Some(format!(
        "memory grew by {} for each answered request, and the profiler alloc did not run",
        memory(per_op)
    ))
}

/// The part of the response of the slowest hundredth that must be explained.
const EXPLAINED: f64 = 0.9;

/// The least share of the response that is shown.
const SHOWN: f64 = 0.001;

/// The slowest hundredth of the requests, if it is slow and most of its time is not accounted for:
/// waiting inside of the program, or waiting for a worker for longer than is usual. Time in polls,
/// and awaiting a timer, a socket or the end of a task, is accounted for.
fn slow_hundredth(case: &Case<'_>) -> Option<String> {
    let awaits = awaits(case)?;
    let Split { slowest, slowest_requests, slowest_at, .. } = &awaits.split;
    let requests = (*slowest_requests).max(1) as f64;
    let mean_ms = |ns: u64| ns as f64 / 1e6 / requests;
    let whole_ms = mean_ms(slowest.total_ns());
    if *slowest_requests == 0 || whole_ms < SLOW_MS {
        return None;
    }
    let for_worker_ms = mean_ms(slowest.first_wait_ns.saturating_add(slowest.runnable_ns));
    let inside: Vec<(&Site, f64)> = slowest_at
        .iter()
        .filter_map(|(at, ns)| {
            let place = awaits.places.get(*at)?;
            // Of other kinds of places that part which ended by a timer or a socket.
            let inside = 1.0 - place.outside_ms / place.ms.max(f64::MIN_POSITIVE);
            Some((&place.site, mean_ms(*ns) * inside.max(0.0)))
        })
        .filter(|(site, _)| !site.awaits.is_outside() && site.awaits != Awaited::Task)
        .collect();
    let inside_ms: f64 = inside.iter().map(|(_, ms)| ms).sum();
    let known_ms: f64 = slowest_at.iter().map(|(_, ns)| mean_ms(*ns)).sum();
    let nowhere_ms = (mean_ms(slowest.awaiting_ns) - known_ms).max(0.0);
    let late_ms = if for_worker_ms >= SLOW_MS { for_worker_ms } else { 0.0 };
    let unexplained = (inside_ms + nowhere_ms + late_ms) / whole_ms;
    if unexplained <= 1.0 - EXPLAINED {
        return None;
    }
    let share = |ms: f64| percent(ms / whole_ms);
    let mut parts: Vec<String> = inside
        .iter()
        .take(2)
        .filter(|(_, ms)| *ms >= SHOWN * whole_ms)
        .map(|(site, ms)| format!("{} in {}", share(*ms), site.in_words()))
        .collect();
    if late_ms > 0.0 {
        let worker = worker_meanwhile(case).unwrap_or_default();
        parts.push(format!("{} waiting for a worker{worker}", share(late_ms)));
    }
    if nowhere_ms >= SHOWN * whole_ms {
        parts.push(format!("{} at a place that was not recorded", share(nowhere_ms)));
    }
    Some(format!(
        "the slowest hundredth of the requests took {} on average, and {} of that is not explained: \
         {}",
        time_ms(whole_ms),
        percent(unexplained),
        parts.join(", ")
    ))
}

/// What the worker did for which tasks waited most, if it was no poll of a task.
fn worker_meanwhile(case: &Case<'_>) -> Option<&'static str> {
    let blame = sched(case)?.blame.as_ref()?;
    let most = blame.edges.iter().max_by(|a, b| a.ms.total_cmp(&b.ms))?;
    match most.culprit {
        Culprit::OutsidePolls => Some(
            ", which ran no task meanwhile: the future of block_on or a LocalSet, which are known by \
             samples alone",
        ),
        Culprit::WorkerAsleep => Some(", which slept meanwhile"),
        Culprit::Kernel => Some(", which waited for a core"),
        Culprit::TaskKind(_) | Culprit::OwnBudget | Culprit::Unknown => None,
    }
}

/// Where requests waited for what is outside of the program: information, and no symptom.
pub fn waits_outside(case: &Case<'_>) -> Vec<String> {
    let Some(awaits) = awaits(case) else { return Vec::new() };
    let whole_ms = awaits.split.all.total_ns() as f64 / 1e6;
    let outside = awaits.places.iter().filter_map(|place| {
        let ms = match place.site.awaits {
            Awaited::Channel | Awaited::Lock => place.outside_ms,
            awaits if awaits.is_outside() => place.ms,
            _ => return None,
        };
        let large = whole_ms > 0.0 && ms >= 0.1 * whole_ms;
        large.then_some((place, ms))
    });
    outside
        .take(3)
        .map(|(place, ms)| {
            let why = match place.site.awaits {
                Awaited::Channel => ", for a message, while all workers slept",
                Awaited::Lock => ", while its holder waited for a timer or a socket",
                _ => "",
            };
            let share = percent(ms / whole_ms);
            format!("{share} of the response in {}{why}", place.site.in_words())
        })
        .collect()
}

fn metric(run: &Analysis, name: &str) -> Option<f64> {
    run.metrics.get(name).map(|reading| reading.value)
}

/// Requests without an answer when the run ended: lost, or unfinished.
fn without_answer(run: &Analysis) -> Option<String> {
    let of = |name: &str| metric(run, name).unwrap_or(0.0) as u64;
    let unanswered = of("lost") + of("unfinished");
    match unanswered {
        0 => None,
        1 => Some("1 request has no answer".into()),
        many => Some(format!("{} requests have no answer", grouped(many as i64))),
    }
}

/// The longest poll, if it is long enough for people to notice.
fn long_poll(case: &Case<'_>) -> Option<String> {
    let polls = sampled(case)?.long_polls.iter();
    let longest = polls
        .max_by(|a, b| own_ms(a).total_cmp(&own_ms(b)))
        .filter(|poll| own_ms(poll) >= NOTICED_MS)?;
    let function = longest.blamed.as_ref().map_or("unknown code", |frame| &frame.function);
    Some(format!("a worker was inside one poll of {function} for {}", time_ms(own_ms(longest))))
}

/// The time of a poll without its waiting for a core, in milliseconds.
fn own_ms(poll: &LongPoll) -> f64 {
    poll.seen_ns as f64 / 1e6 * (1.0 - poll.runnable).max(0.0)
}

/// The profilers of runs that lack symptoms of the measured run.
pub fn without_symptoms(case: &Case<'_>) -> Vec<Profiler> {
    let Some(run) = case.measured else { return Vec::new() };
    let lacks = case.profiles.iter().filter(|profile| !missing_in(run, profile).is_empty());
    lacks.map(|profile| profile.profiler).collect()
}

/// The symptoms of the measured run that a profiled run lacks: then the profile shows something
/// else.
fn missing(run: &Analysis, profiles: &[Profile]) -> Vec<String> {
    profiles.iter().flat_map(|profile| missing_in(run, profile)).collect()
}

fn missing_in(run: &Analysis, profile: &Profile) -> Vec<String> {
    if profile.note.unavailable.is_some() {
        return Vec::new();
    }
    let slow = LATENCIES.iter().find_map(|(name, words)| {
        // The least that the truth can be: what the generator or the host added is no symptom of
        // the service.
        let measured = run.metrics.get(*name)?.low / 1e3;
        let profiled = profile.metrics.get(*name)? / 1e3;
        (measured >= SLOW_MS && profiled * MISSING < measured).then(|| {
            format!(
                "the slow requests of the measured run are not in the {} run: {words} {} there, \
                 {} here",
                profile.profiler,
                time_ms(profiled),
                time_ms(measured)
            )
        })
    });
    let of_measured = metric(run, "lost").unwrap_or(0.0) + metric(run, "unfinished").unwrap_or(0.0);
    let of_profiled = |name: &str| profile.metrics.get(name).copied();
    let all_answered = of_profiled("lost") == Some(0.0) && of_profiled("unfinished") == Some(0.0);
    let unanswered = (of_measured > 0.0 && all_answered).then(|| {
        format!(
            "the unanswered requests of the measured run are not in the {} run",
            profile.profiler
        )
    });
    slow.into_iter().chain(unanswered).collect()
}
