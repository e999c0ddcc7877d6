//! Profiling overhead: the share of a profiler in its run, from measurements in the same run;
//! and which conclusions exceed it, because a smaller one may be an effect of the profiler.
//! Pure.

pub mod limits;

use crate::scheduler::{Sched, YIELD_PROBE};
use crate::stats::total;
use lab_recording::Ending;
use lab_recording::overhead::{Overhead, Price};

/// A value with its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// The value.
    pub mid: f64,
    /// The upper end.
    pub high: f64,
}

/// The overhead of a profiler in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// CPU time of the run during the profile, without the pacer if known, in milliseconds.
    pub run_ms: f64,
    /// CPU time of the profiler, in milliseconds.
    pub ms: Range,
    /// CPU time of the profiler, as a share of the run's.
    pub share: Range,
    /// CPU time of the profiler, as a share of the wall time: the largest share in which it
    /// can have delayed tasks.
    pub of_wall: Range,
    /// CPU time of the profiler's own threads, in milliseconds.
    pub threads_ms: f64,
    /// Its events on the threads of the program.
    pub per_event: Vec<PerEvent>,
    /// Whether every part was measured; otherwise the overhead is a lower bound.
    pub complete: bool,
    /// The parts that were not measured, with the reason.
    pub missing: Vec<String>,
}

/// One kind of event of a profiler on the threads of the program.
#[derive(Clone, Debug, PartialEq)]
pub struct PerEvent {
    /// The event: `poll`.
    pub what: String,
    /// The number of events.
    pub count: u64,
    /// CPU time of one event, in nanoseconds.
    pub ns: Range,
}

/// The overhead, or why it is unknown.
pub type CostResult = Result<Cost, String>;

impl Range {
    /// An exact value.
    pub fn exact(value: f64) -> Range {
        Range { low: value, mid: value, high: value }
    }

    fn times(self, factor: f64) -> Range {
        self.each(|value| value * factor)
    }

    fn plus(self, other: Range) -> Range {
        Range { low: self.low + other.low, mid: self.mid + other.mid, high: self.high + other.high }
    }

    fn each(self, of: impl Fn(f64) -> f64) -> Range {
        Range { low: of(self.low), mid: of(self.mid), high: of(self.high) }
    }
}

impl PerEvent {
    /// CPU time of all events, in milliseconds.
    pub fn ms(&self) -> f64 {
        self.ns.mid * self.count as f64 / 1e6
    }
}

impl From<Price> for Range {
    fn from(price: Price) -> Range {
        Range { low: price.low_ns, mid: price.ns, high: price.high_ns }
    }
}

/// Further facts of a profiled run.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The ending of the run.
    pub ending: Ending,
    /// Why the profiler was unavailable; none if it was available.
    pub unavailable: Option<&'a str>,
    /// CPU time of the pacer, in nanoseconds; none if nothing was sent.
    pub pacer_ns: Option<u64>,
    /// The scheduler statistics.
    pub sched: Option<&'a Sched>,
}

/// The overhead of a profiler, from the measurements of its run.
///
/// # Errors
/// Why the overhead is unknown.
pub fn cost(measured: Option<&Overhead>, about: &About<'_>) -> CostResult {
    let Some(measured) = measured else { return Err(why_not(about)) };
    let own_ns = total(measured.threads.iter().map(|thread| thread.cpu_ns));
    let of_event = |event: &lab_recording::overhead::Event| PerEvent {
        what: event.what.clone(),
        count: event.count,
        ns: event.price.into(),
    };
    let per_event: Vec<PerEvent> =
        measured.events.iter().map(of_event).chain(probe(about.sched)).collect();
    let events = per_event
        .iter()
        .fold(Range::default(), |sum, event| sum.plus(event.ns.times(event.count as f64)));
    let cost_ns = events.plus(Range::exact(own_ns as f64));
    let pacer_ns = about
        .pacer_ns
        .zip(measured.pacer_before_ns)
        .map_or(0, |(all, before)| all.saturating_sub(before));
    let run_ns = measured.process_ns.saturating_sub(pacer_ns) as f64;
    if run_ns <= 0.0 {
        return Err("the run took no CPU time".into());
    }
    Ok(Cost {
        run_ms: run_ns / 1e6,
        ms: cost_ns.times(1e-6),
        share: cost_ns.each(|ns| (ns / run_ns).min(1.0)),
        of_wall: cost_ns.each(|ns| (ns / (measured.wall_ns as f64).max(1.0)).min(1.0)),
        threads_ms: own_ns as f64 / 1e6,
        per_event,
        complete: measured.missing.is_empty(),
        missing: measured.missing.clone(),
    })
}

/// The task of the yield probe runs on the program's threads, and the recording times its polls.
fn probe(sched: Option<&Sched>) -> Option<PerEvent> {
    let task_kind = sched?.task_kinds.iter().find(|task_kind| task_kind.name == YIELD_PROBE)?;
    let ns = Range::exact(task_kind.poll_us.sum * 1e3 / task_kind.polls.max(1) as f64);
    Some(PerEvent { what: "poll of the yield probe".into(), count: task_kind.polls, ns })
}

fn why_not(about: &About<'_>) -> String {
    match about.ending {
        _ if about.unavailable.is_some() => "the profiler was not active".into(),
        Ending::Hung => "the run was killed".into(),
        Ending::Finished | Ending::Failed => "not in this recording (older version)".into(),
        _ => "the run ended before it was recorded".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{Quantiles, TaskKind};
    use lab_recording::overhead::{Event, OwnThread};

    const ABOUT: About<'_> =
        About { ending: Ending::Finished, unavailable: None, pacer_ns: None, sched: None };

    fn measured() -> Overhead {
        let price = Price { ns: 50.0, low_ns: 40.0, high_ns: 70.0 };
        Overhead {
            process_ns: 1_300_000_000,
            wall_ns: 2_000_000_000,
            pacer_before_ns: Some(100_000_000),
            threads: vec![OwnThread { name: "lab-sched".into(), cpu_ns: 10_000_000 }],
            events: vec![Event { what: "poll".into(), count: 1_000_000, price }],
            missing: Vec::new(),
        }
    }

    #[test]
    fn price_times_count_and_own_threads_are_a_share_of_the_run_without_its_pacer() {
        let cost =
            cost(Some(&measured()), &About { pacer_ns: Some(400_000_000), ..ABOUT }).unwrap();
        assert_eq!((cost.run_ms, cost.threads_ms, cost.complete), (1_000.0, 10.0, true));
        let close = |range: Range, wanted: [f64; 3]| {
            [range.low, range.mid, range.high]
                .iter()
                .zip(wanted)
                .all(|(is, wanted)| (is - wanted).abs() < 1e-9)
        };
        assert!(
            close(cost.ms, [50.0, 60.0, 80.0]) && close(cost.share, [0.05, 0.06, 0.08]),
            "{cost:?}"
        );
        assert!(close(cost.of_wall, [0.025, 0.03, 0.04]), "{cost:?}");
        let with_pacer = crate::overhead::cost(Some(&measured()), &ABOUT).unwrap();
        assert_eq!(with_pacer.run_ms, 1_300.0, "of a batch there is no pacer");
    }

    #[test]
    fn what_is_missing_makes_it_a_bound_and_no_share_is_more_than_all() {
        let cheap =
            Overhead { process_ns: 1_000, missing: vec!["sample: why".into()], ..measured() };
        let cost = cost(Some(&cheap), &ABOUT).unwrap();
        assert_eq!(
            (cost.complete, cost.share, &cost.missing[..]),
            (false, Range::exact(1.0), &["sample: why".to_owned()][..])
        );
    }

    #[test]
    fn the_probe_s_polls_are_the_profiler_s_own() {
        let poll_us = Quantiles { sum: 3_000.0, ..Quantiles::default() };
        let task_kind =
            TaskKind { name: YIELD_PROBE.into(), polls: 1_000, poll_us, ..TaskKind::default() };
        let sched = Sched { task_kinds: vec![task_kind], ..Sched::default() };
        let cost = cost(Some(&measured()), &About { sched: Some(&sched), ..ABOUT }).unwrap();
        assert_eq!(
            (cost.ms.mid, cost.per_event[1].count, cost.per_event[1].ns.mid),
            (63.0, 1_000, 3_000.0)
        );
    }

    #[test]
    fn what_is_not_known_has_its_reason() {
        let why = |about: About<'_>| cost(None, &about).unwrap_err();
        assert_eq!(why(ABOUT), "not in this recording (older version)");
        assert_eq!(why(About { ending: Ending::Hung, ..ABOUT }), "the run was killed");
        assert_eq!(
            why(About { unavailable: Some("no jemalloc"), ..ABOUT }),
            "the profiler was not active"
        );
        assert!(cost(Some(&Overhead::default()), &ABOUT).unwrap_err().contains("no CPU time"));
    }
}
