//! The counters of the variant and of the lab's instruments during a run: batches, freezes,
//! times that may be cut off. Everything else is a metric as it stands.

use crate::requests::Reading;
use lab_kit::batch::names;
use lab_kit::heartbeat::{MACHINE_FREEZE, RUNTIME_FREEZE};
use lab_recording::counters::{BEGIN_NS, END_NS};
use std::collections::BTreeMap;

/// Counters of a recording by name.
pub type Counters = BTreeMap<String, u64>;

/// Adds what the counters say. `ended_ns` is when the process was gone, `stolen_ms` what the host
/// took meanwhile.
pub fn add_metrics(
    counters: &Counters,
    ended_ns: Option<u64>,
    stolen_ms: f64,
    metrics: &mut BTreeMap<String, Reading>,
) {
    for (name, value) in counters {
        if let Some(watched) = name.strip_suffix(BEGIN_NS) {
            let end = counters.get(&format!("{watched}{END_NS}")).copied();
            metrics.extend(
                time(*value, end, ended_ns).map(|reading| (format!("{watched}_us"), reading)),
            );
        } else if !name.ends_with(END_NS) && !name.starts_with("batch_") {
            metrics.insert(name.clone(), Reading::exact(*value as f64));
        }
    }
    add_freeze(counters, metrics);
    add_batch(counters, stolen_ms, metrics);
}

/// A stopwatch in microseconds. One that never stopped ran at least until the process was gone.
fn time(begin: u64, end: Option<u64>, ended_ns: Option<u64>) -> Option<Reading> {
    let us = |until: u64| until.saturating_sub(begin) as f64 / 1e3;
    match (end, ended_ns) {
        (Some(end), _) => Some(Reading::exact(us(end))),
        (None, Some(ended)) => Some(Reading {
            high: f64::INFINITY,
            because: Some("never stopped"),
            ..Reading::exact(us(ended))
        }),
        (None, None) => None,
    }
}

/// Between two looks of the heartbeat's thread, a beat of its own and a timer's millisecond: as
/// much of a freeze, or all of it, goes unseen.
const UNSEEN_US: u64 = 11_000;

/// A freeze may be longer by what goes unseen, which matters to a short one; and it may be one of
/// the whole machine, as far as that had any.
fn add_freeze(counters: &Counters, metrics: &mut BTreeMap<String, Reading>) {
    let (Some(runtime), Some(machine)) =
        (counters.get(RUNTIME_FREEZE), counters.get(MACHINE_FREEZE))
    else {
        return;
    };
    let unseen = if *runtime < 5 * UNSEEN_US { UNSEEN_US } else { 0 };
    let hosts = if machine * 5 > *runtime { *machine } else { 0 };
    let longest = (runtime + unseen) as f64;
    let because = match (unseen, hosts) {
        (0, 0) => None,
        (0, _) => Some("host-limited"),
        _ => Some("between beats"),
    };
    let low = runtime.saturating_sub(hosts) as f64;
    metrics.insert(RUNTIME_FREEZE.into(), Reading { value: longest, low, high: longest, because });
}

/// The sums of a batch, and each of them per item.
fn add_batch(counters: &Counters, stolen_ms: f64, metrics: &mut BTreeMap<String, Reading>) {
    let of = |name: &str| counters.get(name).map(|value| *value as f64);
    let exact = |value: Option<f64>| value.map(Reading::exact);
    let per_op = |value: Option<f64>| {
        value.zip(of(names::COMPLETED).filter(|n| *n > 0.0)).map(|(v, n)| v / n)
    };
    let mut add = |name: &str, reading: Option<Reading>| {
        metrics.extend(reading.map(|r| (name.to_owned(), r)))
    };
    add("offered", exact(of(names::OFFERED)));
    add("completed", exact(of(names::COMPLETED)));
    add("child_polls", exact(of(names::CHILD_POLLS)));
    add("polls_per_op", exact(per_op(of(names::CHILD_POLLS))));
    add("wakes_per_op", exact(per_op(of(names::CHILD_WAKES))));
    add("forced_yields", exact(of(names::FORCED_YIELDS)));
    add("forced_yields_per_op", exact(per_op(of(names::FORCED_YIELDS))));
    add("outer_polls", exact(of(names::OUTER_POLLS)));
    add("outer_polls_per_op", exact(per_op(of(names::OUTER_POLLS))));
    add("outer_wakes_per_op", exact(per_op(of(names::OUTER_WAKES))));
    add("allocs", exact(of(names::ALLOCS)));
    add("allocs_per_op", exact(per_op(of(names::ALLOCS))));
    add("alloc_bytes_per_op", exact(per_op(of(names::ALLOC_BYTES))));
    add("cpu_ms", exact(of(names::CPU_NS).map(|ns| ns / 1e6)));
    add("cpu_us_per_op", exact(per_op(of(names::CPU_NS).map(|ns| ns / 1e3))));
    add("wall_ms", of(names::WALL_NS).map(|ns| less_stolen(ns / 1e6, stolen_ms)));
}

/// A wall time, of which the host may have taken some.
fn less_stolen(ms: f64, stolen_ms: f64) -> Reading {
    let doubtful = stolen_ms * 5.0 > ms;
    Reading {
        low: if doubtful { (ms - stolen_ms).max(0.0) } else { ms },
        because: doubtful.then_some("host-limited"),
        ..Reading::exact(ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(
        counters: &[(&str, u64)],
        ended_ns: Option<u64>,
        stolen_ms: f64,
    ) -> BTreeMap<String, Reading> {
        let counters = counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let mut metrics = BTreeMap::new();
        add_metrics(&counters, ended_ns, stolen_ms, &mut metrics);
        metrics
    }

    #[test]
    fn a_plain_counter_is_a_metric_as_it_stands() {
        let metrics = metrics(&[("naps", 7)], None, 0.0);
        assert_eq!((metrics.len(), &metrics["naps"]), (1, &Reading::exact(7.0)));
    }

    #[test]
    fn a_stopwatch_that_never_stopped_is_a_lower_bound() {
        let stopped =
            metrics(&[("quiesce_begin_ns", 1_000), ("quiesce_end_ns", 51_000)], Some(90_000), 0.0);
        assert_eq!((stopped.len(), &stopped["quiesce_us"]), (1, &Reading::exact(50.0)));
        let running = &metrics(&[("quiesce_begin_ns", 1_000)], Some(91_000), 0.0)["quiesce_us"];
        assert_eq!((running.value, running.low, running.high), (90.0, 90.0, f64::INFINITY));
        assert!(
            metrics(&[("quiesce_begin_ns", 1_000)], None, 0.0).is_empty(),
            "nobody knows when it was over"
        );
    }

    #[test]
    fn a_freeze_of_the_machine_is_no_freeze_of_the_runtime() {
        let freeze = |runtime, machine| {
            metrics(&[(RUNTIME_FREEZE, runtime), (MACHINE_FREEZE, machine)], None, 0.0)
                [RUNTIME_FREEZE]
                .clone()
        };
        assert_eq!(freeze(250_000, 1_000), Reading::exact(250_000.0));
        assert_eq!((freeze(90_000, 80_000).low, freeze(90_000, 80_000).high), (10_000.0, 90_000.0));
        let short = freeze(10, 0);
        assert_eq!(
            (short.low, short.value, short.high),
            (10.0, 11_010.0, 11_010.0),
            "who looks every 5 ms sees no less"
        );
    }

    #[test]
    fn a_batch_is_told_by_sum_and_by_piece() {
        let counters = [
            (names::OFFERED, 4),
            (names::COMPLETED, 4),
            (names::CHILD_POLLS, 10),
            (names::WALL_NS, 8_000_000),
            (names::CPU_NS, 2_000_000),
        ];
        let quiet = metrics(&counters, None, 1.0);
        assert_eq!((quiet["polls_per_op"].value, quiet["child_polls"].value), (2.5, 10.0));
        assert_eq!(
            (quiet["cpu_us_per_op"].value, &quiet["wall_ms"]),
            (500.0, &Reading::exact(8.0))
        );
        assert!(!quiet.contains_key("allocs_per_op"), "what was not counted is absent");
        assert_eq!(
            metrics(&counters, None, 3.0)["wall_ms"].low,
            5.0,
            "the host may have taken 3 ms of it"
        );
    }

    #[test]
    fn a_batch_that_completed_nothing_has_no_price_a_piece() {
        let metrics = metrics(&[(names::COMPLETED, 0), (names::CHILD_POLLS, 10)], None, 0.0);
        assert!(!metrics.contains_key("polls_per_op") && metrics.contains_key("child_polls"));
    }
}
