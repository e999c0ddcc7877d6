//! Made-up runs of made-up pairs, and what becomes of them.

use crate::comparison::metrics::METRICS;
use crate::comparison::paired::*;
use crate::requests::Validity;
use lab_recording::Ending;
use lab_recording::folder::Recording;
use lab_recording::outcome::Outcome;
use lab_recording::spec::{Purpose, Spec};
use serde_json::json;

/// A run of a side of a pair, with these metrics.
pub fn run(number: usize, side: &str, metrics: &[(&str, f64)]) -> Analysis {
    let spec: Spec = serde_json::from_value(json!({
        "format": 2, "scenario": "made-up", "variant": side, "kind": "fix", "about": "",
        "timeout_ms": 1, "purpose": {"is": "pair", "number": number, "side": side},
        "load": {"seed": number, "arrivals": "batch", "rate": 0.0, "warmup_ms": 0, "duration_ms": 0, "drain_ms": 0,
                 "workers": 1, "size": 1},
        "environment": {"os": "", "lab": "", "tokio_unstable": false, "optimised": true},
    }))
    .unwrap();
    let outcome = Outcome { ending: Ending::Finished, ..Outcome::unfinished("") };
    Analysis {
        recording: Recording { folder: "".into(), spec, outcome },
        metrics: metrics
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Reading::exact(*value)))
            .collect(),
        responses: None,
        over_time: Vec::new(),
        naive: None,
        validity: Validity { verdict: ValidityVerdict::Valid, reasons: Vec::new() },
        notes: Vec::new(),
        held: None,
        unread: Vec::new(),
    }
}

/// Eight pairs whose B takes `factor` of what A takes, give or take some noise.
fn pairs(factor: f64, more: &[(&str, f64)]) -> Vec<Analysis> {
    let noise = [1.0, 1.02, 0.97, 1.01, 0.99, 1.03, 0.98, 1.0];
    let one = |number: usize, side: &str, value: f64| {
        run(number, side, &[&[("cpu_us_per_op", value)][..], more].concat())
    };
    let both =
        |(i, noise): (usize, &f64)| [one(i + 1, "a", 10.0), one(i + 1, "b", 10.0 * factor * noise)];
    noise.iter().enumerate().flat_map(both).collect()
}

fn rule() -> Rule<'static> {
    Rule { primary: "cpu_us_per_op", metrics: METRICS.to_vec(), alpha: 0.05 }
}

fn compare(runs: &[Analysis]) -> Comparison {
    Comparison::from_runs(runs, &rule()).unwrap()
}

#[test]
fn a_change_is_told_with_its_factor_and_both_sides() {
    let comparison = compare(&pairs(0.5, &[]));
    let primary = &comparison.metrics[0];
    assert!((primary.estimate.as_ref().unwrap().ratio - 0.5).abs() < 0.01);
    assert_eq!(
        (comparison.change(), primary.primary, comparison.kept()),
        (Change::Improved, true, 8)
    );
    assert_eq!((comparison.before.as_str(), comparison.after.as_str()), ("a", "b"));
    assert_eq!(compare(&pairs(2.0, &[])).change(), Change::Regressed);
    assert_eq!(compare(&pairs(1.0, &[])).change(), Change::Equivalent);
}

/// Runs that others disturbed: of each named pair the side after, by so many cores of two.
fn disturb(runs: &mut [Analysis], numbers: &[usize], cores: f64) {
    for run in runs {
        let pair = run.recording.spec.purpose.pair().unwrap();
        if pair.side == Side::B && numbers.contains(&pair.number) {
            run.recording.spec.environment.cores = Some(2);
            run.recording.outcome.foreign_cores = Some(cores);
        }
    }
}

fn want(runs: &mut [Analysis], pairs: usize) {
    for run in runs {
        if let Purpose::Pair(pair) = &mut run.recording.spec.purpose {
            pair.wanted = Some(pairs);
        }
    }
}

#[test]
fn an_invalid_run_takes_its_whole_pair_along_and_too_many_spoil_the_comparison() {
    let mut runs = pairs(0.5, &[]);
    runs[3].validity.verdict = ValidityVerdict::Invalid;
    let one = compare(&runs);
    assert_eq!((one.kept(), one.change()), (7, Change::Improved));
    assert_eq!(one.pairs[1].dropped.as_deref(), Some("the run of b is invalid"));
    runs[4].recording.outcome.ending = Ending::Unfinished;
    runs[9].validity.verdict = ValidityVerdict::Invalid;
    let three = compare(&runs);
    assert_eq!((three.kept(), three.change()), (5, Change::Inconclusive));
    assert!(
        three.invalid.unwrap().starts_with("3 of 8 pairs were dropped: the run of b is invalid")
    );
}

#[test]
fn a_large_effect_is_seen_beside_others_and_a_small_one_is_not() {
    // 0.13 of a core may have made the times of one side 2.3 times longer.
    let beside = |ratio: f64| {
        let mut runs = pairs(ratio, &[("polls_per_op", 7.0)]);
        disturb(&mut runs, &[1, 2, 3, 4, 5, 6, 7, 8], 0.13);
        compare(&runs)
    };
    let large = beside(10.0);
    assert_eq!((large.change(), large.invalid.as_ref()), (Change::Regressed, None));
    assert!((large.metrics[0].estimate.as_ref().unwrap().low - 10.0 * 0.97 / 2.3).abs() < 0.1);
    assert_eq!(large.metrics[0].directions, Directions { lower: 0, higher: 8, of: 8 });
    assert_eq!(
        (beside(2.0).change(), beside(0.5).change()),
        (Change::Inconclusive, Change::Improved)
    );
    assert_eq!(
        beside(0.5).metrics[0].after.low,
        beside(0.5).metrics[0].after.value,
        "shown as it was measured"
    );
    let polls =
        beside(2.0).metrics.into_iter().find(|metric| metric.metric == "polls_per_op").unwrap();
    assert_eq!(polls.change, Change::Equivalent, "others change no count");
}

#[test]
fn pairs_that_were_disturbed_are_left_out_for_as_many_as_were_run_in_their_place() {
    let mut runs = pairs(0.5, &[("polls_per_op", 7.0)]);
    disturb(&mut runs, &[2, 5], 0.13);
    want(&mut runs, 7);
    let comparison = compare(&runs);
    let times: Vec<Times> = comparison.pairs.iter().map(|pair| pair.times).collect();
    assert_eq!(
        (times[1], times[4]),
        (Times::Bounded([1.0, 2.3]), Times::LeftOut),
        "six are quiet, seven are wanted"
    );
    assert_eq!(times.iter().filter(|times| **times == Times::Measured).count(), 6);
    assert_eq!(comparison.metrics[0].estimate.as_ref().unwrap().pairs, 7);
    let polls = comparison.metrics.iter().find(|metric| metric.metric == "polls_per_op").unwrap();
    assert_eq!(polls.estimate.as_ref().unwrap().pairs, 8, "counts are never left out");
    want(&mut runs, 6);
    let comparison = compare(&runs);
    assert_eq!(comparison.left_out().map(|pair| pair.number).collect::<Vec<_>>(), [2, 5]);
}

#[test]
fn a_host_that_is_much_too_busy_is_named_and_counts_are_compared_all_the_same() {
    let mut runs = pairs(0.5, &[("polls_per_op", 7.0)]);
    disturb(&mut runs, &[1, 2, 3, 4, 5, 6, 7, 8], 1.7);
    runs[1].recording.outcome.busiest = Some("cargo".into());
    let comparison = compare(&runs);
    assert_eq!(comparison.change(), Change::Inconclusive);
    let why = "the host is too busy: in 8 of 8 pairs, other processes (cargo) used 170 % of a \
               core during b";
    assert_eq!(comparison.invalid.as_deref(), Some(why));
    assert_eq!(comparison.metrics[0].estimate.as_ref().unwrap_err(), TOO_BUSY);
    assert_eq!(comparison.metrics[0].before.value, 10.0, "shown as it was measured");
    let polls = comparison.metrics.iter().find(|metric| metric.metric == "polls_per_op").unwrap();
    assert_eq!(polls.change, Change::Equivalent);
    let by_polls = Rule { primary: "polls_per_op", ..rule() };
    let comparison = Comparison::from_runs(&runs, &by_polls).unwrap();
    assert_eq!(
        (comparison.change(), comparison.invalid),
        (Change::Equivalent, None),
        "a count decides"
    );
}

#[test]
fn a_bound_supports_a_verdict_in_its_own_direction_only() {
    let mut runs = pairs(2.0, &[]);
    let cut_off = |runs: &mut [Analysis]| {
        for after in runs.iter_mut().skip(1).step_by(2) {
            after.metrics.get_mut("cpu_us_per_op").unwrap().high = f64::INFINITY;
        }
    };
    cut_off(&mut runs);
    assert_eq!(compare(&runs).change(), Change::Regressed, "it is at least twice as much");
    let mut runs = pairs(0.5, &[]);
    cut_off(&mut runs);
    assert_eq!(compare(&runs).change(), Change::Inconclusive, "it is half as much or more");
}

#[test]
fn more_metrics_than_the_pairs_can_judge_are_shown_and_not_judged() {
    let more: Vec<(&str, f64)> = METRICS
        .iter()
        .map(|metric| (metric.name, 7.0))
        .filter(|m| m.0 != "cpu_us_per_op")
        .collect();
    let comparison = compare(&pairs(0.5, &more));
    let judged = comparison.metrics.iter().filter(|metric| metric.judged).count();
    assert_eq!(
        (comparison.metrics.len(), judged),
        (METRICS.len(), 1 + 6),
        "eight pairs can judge six beside the primary"
    );
}

#[test]
fn who_loses_requests_that_the_other_answers_did_not_improve() {
    let mut runs = pairs(0.5, &[]);
    runs[5].metrics.insert("lost".into(), Reading::exact(3.0));
    let comparison = compare(&runs);
    assert_eq!((comparison.lost, comparison.change()), ([0.0, 3.0], Change::Regressed));
    runs[6].recording.outcome.ending = Ending::Unfinished;
    assert!(compare(&runs).pairs[3].dropped.as_ref().unwrap().contains("was interrupted"));
}

#[test]
fn what_may_be_zero_is_compared_by_a_half_more_and_nothing_at_all_is_left_out() {
    let late = |values: [f64; 2]| {
        let mut runs = pairs(0.5, &[("forced_yields", 0.0)]);
        for pair in runs.chunks_mut(2) {
            pair.iter_mut().zip(values).for_each(|(run, value)| {
                run.metrics.insert("forced_yields".into(), Reading::exact(value));
            });
        }
        compare(&runs).metrics.into_iter().find(|metric| metric.metric == "forced_yields")
    };
    let mended = late([10.0, 0.0]).unwrap();
    assert!((mended.estimate.unwrap().ratio - 0.5 / 10.5).abs() < 1e-9 && mended.halved);
    assert_eq!(
        (mended.change, mended.before.value, mended.after.value),
        (Change::Improved, 10.0, 0.0)
    );
    assert_eq!(late([0.0, 10.0]).unwrap().change, Change::Regressed);
    assert!(late([0.0, 0.0]).is_none());
}

#[test]
fn a_pair_that_lacks_a_side_is_none() {
    let runs = &pairs(0.5, &[])[..13];
    assert_eq!(compare(runs).pairs.len(), 6);
    assert!(Comparison::from_runs(&runs[..1], &rule()).is_none());
}
