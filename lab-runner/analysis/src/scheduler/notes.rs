//! Notes on the completeness of a recording, the yield probe, and runtime counters.

use crate::scheduler::task_kinds::quantiles;
use crate::scheduler::{ProbeSummary, Sched};
use lab_recording::scheduler::{Counters, Known};

/// A yield that took as long as this is flagged, in nanoseconds.
const FLAGGED_NS: u64 = 10_000_000;
/// Moments of which a runtime's counters are kept.
const MOST_COUNTERS: usize = 300;

/// The result of the yield probe; none without one.
pub fn probe(known: &Known) -> Option<ProbeSummary> {
    let yields = || {
        let took = |probe: &lab_recording::scheduler::Probe| {
            Some(probe.answered_ns?.saturating_sub(probe.yielded_ns?))
        };
        known.probes.iter().filter_map(took)
    };
    let unheard = known.probes.iter().map(|probe| {
        let heard = probe.yielded_ns.unwrap_or(known.until_ns);
        heard.saturating_sub(probe.asked_ns)
    });
    (!known.probes.is_empty()).then(|| ProbeSummary {
        wake_ups: known.probes.len() as u64,
        yields: yields().count() as u64,
        long_yields: yields().filter(|ns| *ns >= FLAGGED_NS).count() as u64,
        yield_us: quantiles(yields()),
        wake_delay_us: quantiles(unheard),
    })
}

/// At most [`MOST_COUNTERS`] of all counters, in equal steps.
pub fn thinned(counters: &[Counters]) -> Vec<Counters> {
    let step = counters.len().div_ceil(MOST_COUNTERS).max(1);
    counters.iter().step_by(step).copied().collect()
}

/// The number of missing events and unrecorded polls.
pub fn missing(known: &Known) -> u64 {
    known.dropped.iter().fold(known.unwatched, |sum, dropped| sum.saturating_add(dropped.events))
}

/// Conditions that limit the conclusion.
pub fn notes(known: &Known, sched: &Sched) -> Vec<String> {
    let dropped =
        known.dropped.iter().fold(0_u64, |sum, dropped| sum.saturating_add(dropped.events));
    let notes = [
        known.trouble.as_ref().map(|why| format!("the recording ended before the run did: {why}")),
        (!known.stopped).then(|| "the recorder was killed: its last events are missing".into()),
        known.cut.then(|| "the file is cut off: later events are missing".into()),
        (dropped > 0).then(|| {
            let of = count(known.dropped.len() as u64, "block", "blocks");
            format!(
                "{} missing in {of}: waiting there is charged to no culprit",
                count(dropped, "event is", "events are")
            )
        }),
        (known.unwatched > 0).then(|| {
            format!(
                "{} not recorded: more threads than lanes",
                count(known.unwatched, "poll was", "polls were")
            )
        }),
        (!known.has_latency)
            .then(|| "schedule latency was not recorded: waiting is charged to no culprit".into()),
        (known.core_waits.is_empty() && sched.blame.is_some())
            .then(|| "waiting for a core was not measured".into()),
    ];
    notes.into_iter().flatten().collect()
}

fn count(number: u64, one: &str, several: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", if number == 1 { one } else { several })
}
