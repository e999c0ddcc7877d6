//! From the runs of a comparison to its result: which pairs count, and by how much each metric changed.

use super::estimate::{Estimate, detectable};
use super::verdict::{Better, Change, Side as Bounds, bonferroni, disagree, fewest_pairs, judge, log_ratios};
use crate::analysis::growth::median;
use crate::analysis::{Analysis, Reading, ValidityVerdict};
use crate::recording::Side;
use lab_kit::Ending;
use std::collections::BTreeMap;

/// A comparison of two variants by pairs.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The variant before.
    pub before: String,
    /// The variant after.
    pub after: String,
    /// All pairs of which both runs were done, by number.
    pub pairs: Vec<Pair>,
    /// Every metric that both sides have, the primary one first.
    pub metrics: Vec<Compared>,
    /// How the runs before and after ended, over all pairs that count.
    pub endings: [BTreeMap<String, usize>; 2],
    /// Requests that the sides lost, over all pairs that count.
    pub lost: [f64; 2],
    /// Why nothing can be concluded from it, if so.
    pub invalid: Option<String>,
}

/// One pair.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Its number, from 1.
    pub number: usize,
    /// Which side ran first.
    pub first: Side,
    /// The seed of both sides.
    pub seed: u64,
    /// Why it does not count, if so.
    pub dropped: Option<String>,
}

/// What became of one metric.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The metric.
    pub metric: String,
    /// Whether it is the scenario's primary one.
    pub primary: bool,
    /// Median of the side before, with the medians of its bounds.
    pub before: Reading,
    /// Median of the side after.
    pub after: Reading,
    /// Whether there are pairs enough to judge it beside the others. If not it is shown, and inconclusive.
    pub judged: bool,
    /// The factor from before to after, or why there is none.
    pub estimate: Result<Estimate, String>,
    /// What that says.
    pub change: Change,
    /// Student's interval comes to another verdict.
    pub disagrees: bool,
    /// The smallest change that so many pairs show at this noise, as a share.
    pub detectable: Option<f64>,
}

/// What is compared, in this order: metric, which way is better, and the change that does not matter. None of them is
/// zero in a run that did anything: a ratio needs both sides, and leaving out those that are zero would bend it.
const METRICS: [(&str, Better, f64); 13] = [
    ("response_p99_us", Better::Lower, 0.15),
    ("quiesce_us", Better::Lower, 0.15),
    ("cpu_us_per_op", Better::Lower, 0.05),
    ("response_p50_us", Better::Lower, 0.15),
    ("completed_per_s", Better::Higher, 0.05),
    ("allocs_per_op", Better::Lower, 0.02),
    ("alloc_bytes_per_op", Better::Lower, 0.02),
    ("polls_per_op", Better::Lower, 0.02),
    ("peak_memory_kb", Better::Lower, 0.05),
    ("switches_per_op", Better::Lower, 0.15),
    ("response_p90_us", Better::Lower, 0.15),
    ("response_p999_us", Better::Lower, 0.15),
    ("wall_ms", Better::Lower, 0.05),
];

/// Limits beyond which a pair is dropped whole, fixed before anything is measured and the same for both sides.
const MOST_STEAL: f64 = 0.02;
pub(crate) const MOST_FOREIGN_CORES: f64 = 0.10;
/// More dropped pairs than this make the comparison invalid.
const MOST_DROPPED: f64 = 0.30;

impl Comparison {
    /// Compares the sides of all pairs. `primary` is the metric that decides, at `alpha`; the others share another
    /// `alpha` among them. Nothing if there is no whole pair.
    pub fn of(runs: &[Analysis], primary: &str, alpha: f64) -> Option<Comparison> {
        let whole = whole_pairs(runs);
        let (_, (a, b)) = whole.first_key_value()?;
        let (before, after) = (name(a), name(b));
        let pairs: Vec<Pair> = whole.iter().map(|(number, (a, b))| pair(*number, a, b)).collect();
        let kept: Vec<(&Analysis, &Analysis)> =
            whole.values().zip(&pairs).filter(|(_, pair)| pair.dropped.is_none()).map(|(sides, _)| *sides).collect();
        let invalid = too_many_dropped(pairs.len(), kept.len());
        let metrics = compare_all(&kept, primary, alpha);
        let endings = [endings(kept.iter().map(|pair| pair.0)), endings(kept.iter().map(|pair| pair.1))];
        let lost = [lost(kept.iter().map(|pair| pair.0)), lost(kept.iter().map(|pair| pair.1))];
        Some(Comparison { before, after, pairs, metrics, endings, lost, invalid })
    }

    /// What the primary metric says. Inconclusive if the comparison is invalid or has no such metric; and who loses
    /// requests that the other side answers got worse, however quick it is.
    pub fn change(&self) -> Change {
        let primary = self.metrics.iter().find(|metric| metric.primary);
        match primary.filter(|_| self.invalid.is_none()) {
            Some(_) if self.loses_more() => Change::Regressed,
            Some(metric) => metric.change,
            None => Change::Inconclusive,
        }
    }

    /// Whether the side after loses more requests than the side before.
    pub fn loses_more(&self) -> bool {
        self.lost[1] > self.lost[0]
    }

    /// Pairs that count.
    pub fn kept(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.dropped.is_none()).count()
    }
}

fn endings<'a>(runs: impl Iterator<Item = &'a Analysis>) -> BTreeMap<String, usize> {
    let mut endings = BTreeMap::new();
    runs.for_each(|run| *endings.entry(run.recording.outcome.ending.to_string()).or_default() += 1);
    endings
}

fn lost<'a>(runs: impl Iterator<Item = &'a Analysis>) -> f64 {
    runs.filter_map(|run| run.metrics.get("lost")).map(|reading| reading.value).sum()
}

/// What a side is called.
fn name(run: &Analysis) -> String {
    let spec = &run.recording.spec;
    let label = spec.pair.as_ref().and_then(|pair| pair.label.clone());
    label.unwrap_or_else(|| spec.variant.clone())
}

/// Both sides of the pairs of which both runs are there.
fn whole_pairs(runs: &[Analysis]) -> BTreeMap<usize, (&Analysis, &Analysis)> {
    let side = |run: &Analysis| run.recording.spec.pair.clone();
    let of = |number: usize, wanted: Side| {
        runs.iter().find(|run| side(run).is_some_and(|pair| (pair.number, pair.side) == (number, wanted)))
    };
    let numbers = runs.iter().filter_map(|run| Some(side(run)?.number));
    numbers.filter_map(|number| Some((number, (of(number, Side::A)?, of(number, Side::B)?)))).collect()
}

fn pair(number: usize, a: &Analysis, b: &Analysis) -> Pair {
    let ended = |run: &Analysis| run.recording.outcome.ended_ns;
    let first = if ended(a) <= ended(b) { Side::A } else { Side::B };
    let dropped = [a, b].into_iter().find_map(spoiled);
    Pair { number, first, seed: a.recording.spec.load.seed, dropped }
}

/// Why a run spoils its pair.
fn spoiled(run: &Analysis) -> Option<String> {
    let outcome = &run.recording.outcome;
    let variant = &run.recording.spec.variant;
    if outcome.ending == Ending::Unfinished {
        return Some(format!("the run of {variant} was cut off from outside"));
    }
    if run.validity.verdict == ValidityVerdict::Invalid {
        return Some(format!("the run of {variant} is invalid"));
    }
    if let Some(steal) = outcome.steal.filter(|steal| steal.share > MOST_STEAL) {
        return Some(format!("the host took {:.1} % of the CPU time from {variant}", steal.share * 100.0));
    }
    let foreign = outcome.foreign_cores.filter(|cores| *cores > MOST_FOREIGN_CORES);
    foreign.map(|cores| format!("others used {:.0} % of a core beside {variant}", cores * 100.0))
}

fn too_many_dropped(all: usize, kept: usize) -> Option<String> {
    let dropped = all - kept;
    let many = dropped as f64 > MOST_DROPPED * all as f64;
    many.then(|| format!("{dropped} of {all} pairs were dropped: this machine is too busy, or its host is"))
}

fn compare_all(kept: &[(&Analysis, &Analysis)], primary: &str, alpha: f64) -> Vec<Compared> {
    let measured = |name: &str| kept.iter().filter(|pair| sides(pair, name).is_some()).count() > 0;
    let known: Vec<_> = METRICS.into_iter().filter(|(name, ..)| measured(name)).collect();
    let secondary = known.iter().filter(|(name, ..)| *name != primary).count();
    let judged = judgeable(kept.len(), alpha).min(secondary);
    let mut so_far = 0;
    let mut all: Vec<Compared> = Vec::new();
    for (name, better, delta) in known {
        let is_primary = name == primary;
        so_far += usize::from(!is_primary);
        let alpha = match is_primary {
            true => Some(alpha),
            false => (so_far <= judged).then(|| bonferroni(alpha, judged)),
        };
        all.push(compare(kept, name, is_primary, better, delta, alpha));
    }
    all.sort_by_key(|metric| !metric.primary);
    all
}

/// How many secondary metrics so many pairs can judge: with more, no interval would be certain enough.
fn judgeable(pairs: usize, alpha: f64) -> usize {
    (1..=METRICS.len()).take_while(|metrics| fewest_pairs(bonferroni(alpha, *metrics)) <= pairs).count()
}

/// Compares one metric; without an alpha it is shown and not judged.
fn compare(
    kept: &[(&Analysis, &Analysis)],
    name: &str,
    primary: bool,
    better: Better,
    delta: f64,
    alpha: Option<f64>,
) -> Compared {
    let pairs: Vec<(Bounds, Bounds)> = kept.iter().filter_map(|pair| sides(pair, name)).collect();
    let estimate = log_ratios(&pairs).and_then(|ratios| ratios.estimate(alpha.unwrap_or(0.05)));
    let verdict = |estimate: &Estimate| judge(estimate.low, estimate.high, delta, better);
    let told = estimate.as_ref().ok().filter(|_| alpha.is_some());
    Compared {
        metric: name.to_owned(),
        primary,
        before: median_reading(pairs.iter().map(|(a, _)| a)),
        after: median_reading(pairs.iter().map(|(_, b)| b)),
        change: told.map_or(Change::Inconclusive, verdict),
        disagrees: told.is_some_and(|estimate| disagree(estimate, delta, better)),
        // Of bounds nobody knows how they scatter.
        detectable: told.filter(|e| e.t.1.is_finite()).map(|estimate| detectable(estimate.sd, estimate.pairs)),
        judged: alpha.is_some(),
        estimate,
    }
}

fn sides(pair: &(&Analysis, &Analysis), name: &str) -> Option<(Bounds, Bounds)> {
    let bounds = |run: &Analysis| run.metrics.get(name).filter(|reading| reading.value > 0.0).map(bounds_of);
    Some((bounds(pair.0)?, bounds(pair.1)?))
}

fn bounds_of(reading: &Reading) -> Bounds {
    Bounds { value: reading.value, low: reading.low.max(0.0), high: reading.high }
}

fn median_reading<'a>(bounds: impl Iterator<Item = &'a Bounds> + Clone) -> Reading {
    let median = |of: fn(&Bounds) -> f64| median(bounds.clone().map(of).collect());
    Reading { value: median(|b| b.value), low: median(|b| b.low), high: median(|b| b.high), because: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Validity;
    use crate::recording::{Outcome, Recording, Spec, Steal};
    use lab_kit::Ending;
    use serde_json::json;

    /// A run of a side of a pair, with these metrics.
    fn run(number: usize, side: &str, metrics: &[(&str, f64)]) -> Analysis {
        let spec: Spec = serde_json::from_value(json!({
            "format": 1, "scenario": "made-up", "variant": side, "kind": "cure", "about": "", "scaled": 1,
            "timeout_ms": 1, "pair": {"number": number, "side": side},
            "load": {"seed": number, "arrivals": "batch", "rate": 0.0, "warmup_ms": 0, "duration_ms": 0, "drain_ms": 0,
                     "workers": 1, "size": 1},
            "environment": {"os": "", "lab": "", "tokio_unstable": false, "optimised": true},
        }))
        .unwrap();
        let outcome = Outcome { ending: Ending::Finished, ..Outcome::unfinished("") };
        Analysis {
            recording: Recording { folder: "".into(), spec, outcome },
            metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), Reading::exact(*value))).collect(),
            responses: None,
            naive: None,
            validity: Validity { verdict: ValidityVerdict::Valid, reasons: Vec::new() },
            notes: Vec::new(),
        }
    }

    /// Eight pairs whose B takes `factor` of what A takes, give or take some noise.
    fn pairs(factor: f64, more: &[(&str, f64)]) -> Vec<Analysis> {
        let noise = [1.0, 1.02, 0.97, 1.01, 0.99, 1.03, 0.98, 1.0];
        let one = |number: usize, side: &str, value: f64| {
            run(number, side, &[&[("cpu_us_per_op", value)][..], more].concat())
        };
        let both = |(i, noise): (usize, &f64)| [one(i + 1, "a", 10.0), one(i + 1, "b", 10.0 * factor * noise)];
        noise.iter().enumerate().flat_map(both).collect()
    }

    fn compare(runs: &[Analysis]) -> Comparison {
        Comparison::of(runs, "cpu_us_per_op", 0.05).unwrap()
    }

    #[test]
    fn a_change_is_told_with_its_factor_and_both_sides() {
        let comparison = compare(&pairs(0.5, &[]));
        let primary = &comparison.metrics[0];
        assert!((primary.estimate.as_ref().unwrap().ratio - 0.5).abs() < 0.01);
        assert_eq!((comparison.change(), primary.primary, comparison.kept()), (Change::Improved, true, 8));
        assert_eq!((comparison.before.as_str(), comparison.after.as_str()), ("a", "b"));
        assert_eq!(compare(&pairs(2.0, &[])).change(), Change::Regressed);
        assert_eq!(compare(&pairs(1.0, &[])).change(), Change::Equivalent);
    }

    #[test]
    fn a_spoiled_run_takes_its_whole_pair_along_and_too_many_spoil_the_comparison() {
        let mut runs = pairs(0.5, &[]);
        runs[3].recording.outcome.steal = Some(Steal { share: 0.05, ms: 100.0 });
        let one = compare(&runs);
        assert_eq!((one.kept(), one.change()), (7, Change::Improved));
        assert!(one.pairs[1].dropped.as_ref().unwrap().contains("the host took 5.0 %"), "{:?}", one.pairs[1]);
        runs[4].recording.outcome.foreign_cores = Some(0.5);
        runs[9].validity.verdict = ValidityVerdict::Invalid;
        let three = compare(&runs);
        assert_eq!((three.kept(), three.change()), (5, Change::Inconclusive));
        assert!(three.invalid.unwrap().starts_with("3 of 8 pairs were dropped"));
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
        let more: Vec<(&str, f64)> =
            METRICS.iter().map(|(name, ..)| (*name, 7.0)).filter(|m| m.0 != "cpu_us_per_op").collect();
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
        assert!(compare(&runs).pairs[3].dropped.as_ref().unwrap().contains("cut off from outside"));
    }

    #[test]
    fn a_pair_that_lacks_a_side_is_none() {
        let runs = &pairs(0.5, &[])[..13];
        assert_eq!(compare(runs).pairs.len(), 6);
        assert!(Comparison::of(&runs[..1], "cpu_us_per_op", 0.05).is_none());
    }
}
