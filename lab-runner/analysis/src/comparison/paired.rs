//! From the runs of a comparison to its result: which pairs count, and by how much each metric changed.

use crate::comparison::metrics::Metric;
use crate::comparison::verdict::{Change, Side as Bounds, bonferroni, disagree, fewest_pairs, judge, log_ratios};
use crate::host::disturbance;
use crate::requests::{Analysis, Reading, ValidityVerdict};
use crate::stats::estimate::{Estimate, detectable};
use crate::stats::median;
use lab_recording::Ending;
use lab_recording::spec::Side;
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
    /// What a reader has to know before believing: of recordings that were not made for each other.
    pub warnings: Vec<String>,
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
    /// Half of one was added to both sides of each pair, for one of them may be zero.
    pub halved: bool,
}

/// What decides a comparison, fixed before anything is measured.
#[derive(Clone, Debug)]
pub struct Rule<'a> {
    /// The metric that decides.
    pub primary: &'a str,
    /// What is compared, in this order: as many as the pairs can judge are.
    pub metrics: Vec<Metric>,
    /// What the primary metric's interval may err by; the others share as much among them.
    pub alpha: f64,
}

/// More dropped pairs than this make the comparison invalid.
const MOST_DROPPED: f64 = 0.30;

impl Comparison {
    /// Compares the sides of all pairs. Nothing if there is no whole pair.
    pub fn of(runs: &[Analysis], rule: &Rule<'_>) -> Option<Comparison> {
        let whole = whole_pairs(runs);
        let (_, (a, b)) = whole.first_key_value()?;
        let (before, after) = (name(a), name(b));
        let pairs: Vec<Pair> = whole.iter().map(|(number, (a, b))| pair(*number, a, b)).collect();
        let kept: Vec<(&Analysis, &Analysis)> =
            whole.values().zip(&pairs).filter(|(_, pair)| pair.dropped.is_none()).map(|(sides, _)| *sides).collect();
        let invalid = too_many_dropped(pairs.len(), kept.len());
        let metrics = compare_all(&kept, rule);
        let endings = [endings(kept.iter().map(|pair| pair.0)), endings(kept.iter().map(|pair| pair.1))];
        let lost = [lost(kept.iter().map(|pair| pair.0)), lost(kept.iter().map(|pair| pair.1))];
        Some(Comparison { before, after, pairs, metrics, endings, lost, invalid, warnings: Vec::new() })
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
    let label = spec.purpose.pair().and_then(|pair| pair.label.clone());
    label.unwrap_or_else(|| spec.variant.clone())
}

/// Both runs of each pair that counts.
pub fn counted<'a>(runs: &'a [Analysis], comparison: &Comparison) -> Vec<(&'a Analysis, &'a Analysis)> {
    let counts = |number: usize| comparison.pairs.iter().any(|pair| pair.number == number && pair.dropped.is_none());
    whole_pairs(runs).into_iter().filter(|(number, _)| counts(*number)).map(|(_, sides)| sides).collect()
}

/// Both sides of the pairs of which both runs are there.
fn whole_pairs(runs: &[Analysis]) -> BTreeMap<usize, (&Analysis, &Analysis)> {
    let side = |run: &Analysis| run.recording.spec.purpose.pair().cloned();
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
    disturbance(outcome).map(|what| format!("{what} beside {variant}"))
}

fn too_many_dropped(all: usize, kept: usize) -> Option<String> {
    let dropped = all - kept;
    let many = dropped as f64 > MOST_DROPPED * all as f64;
    many.then(|| format!("{dropped} of {all} pairs were dropped: this machine is too busy, or its host is"))
}

fn compare_all(kept: &[(&Analysis, &Analysis)], rule: &Rule<'_>) -> Vec<Compared> {
    let measured = |metric: &Metric| kept.iter().any(|pair| sides(pair, metric).is_some());
    let told = |metric: &Metric| measured(metric) && !(metric.may_be_zero && never_there(kept, metric.name));
    let known: Vec<Metric> = rule.metrics.iter().copied().filter(told).collect();
    let secondary = known.iter().filter(|metric| metric.name != rule.primary).count();
    let judged = judgeable(kept.len(), rule.alpha, secondary);
    let mut so_far = 0;
    let mut all: Vec<Compared> = Vec::new();
    for metric in known {
        let is_primary = metric.name == rule.primary;
        so_far += usize::from(!is_primary);
        let alpha = match is_primary {
            true => Some(rule.alpha),
            false => (so_far <= judged).then(|| bonferroni(rule.alpha, judged)),
        };
        all.push(compare(kept, &metric, is_primary, alpha));
    }
    all.sort_by_key(|metric| !metric.primary);
    all
}

/// Whether nobody lost, left or missed anything: then there is nothing to compare.
fn never_there(kept: &[(&Analysis, &Analysis)], name: &str) -> bool {
    let has = |run: &Analysis| run.metrics.get(name).is_some_and(|reading| reading.high > 0.0);
    !kept.iter().any(|pair| has(pair.0) || has(pair.1))
}

/// How many secondary metrics so many pairs can judge: with more, no interval would be certain enough.
fn judgeable(pairs: usize, alpha: f64, secondary: usize) -> usize {
    (1..=secondary).take_while(|metrics| fewest_pairs(bonferroni(alpha, *metrics)) <= pairs).count()
}

/// Compares one metric; without an alpha it is shown and not judged.
fn compare(kept: &[(&Analysis, &Analysis)], metric: &Metric, primary: bool, alpha: Option<f64>) -> Compared {
    let Metric { better, margin, may_be_zero, .. } = *metric;
    let pairs: Vec<(Bounds, Bounds)> = kept.iter().filter_map(|pair| sides(pair, metric)).collect();
    let shift = if may_be_zero { HALF } else { 0.0 };
    let shifted: Vec<_> = pairs.iter().map(|(a, b)| (shift_by(a, shift), shift_by(b, shift))).collect();
    let estimate = log_ratios(&shifted).and_then(|ratios| ratios.estimate(alpha.unwrap_or(0.05)));
    let verdict = |estimate: &Estimate| judge(estimate.low, estimate.high, margin, better);
    let told = estimate.as_ref().ok().filter(|_| alpha.is_some());
    Compared {
        metric: metric.name.to_owned(),
        primary,
        before: median_reading(pairs.iter().map(|(a, _)| a)),
        after: median_reading(pairs.iter().map(|(_, b)| b)),
        change: told.map_or(Change::Inconclusive, verdict),
        disagrees: told.is_some_and(|estimate| disagree(estimate, margin, better)),
        // Of bounds nobody knows how they scatter.
        detectable: told.filter(|e| e.t.1.is_finite()).map(|estimate| detectable(estimate.sd, estimate.pairs)),
        judged: alpha.is_some(),
        halved: may_be_zero,
        estimate,
    }
}

/// What is added to both sides where one of them may be zero, as `estimate::log_ratio_of_counts` does.
const HALF: f64 = 0.5;

fn shift_by(side: &Bounds, shift: f64) -> Bounds {
    Bounds { value: side.value + shift, low: side.low + shift, high: side.high + shift }
}

/// Both values of a pair. Zero has no ratio: of a metric that is never zero in a run that did anything, a zero is as
/// good as none.
fn sides(pair: &(&Analysis, &Analysis), metric: &Metric) -> Option<(Bounds, Bounds)> {
    let usable = |reading: &&Reading| reading.value > 0.0 || metric.may_be_zero;
    let bounds = |run: &Analysis| run.metrics.get(metric.name).filter(usable).map(bounds_of);
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
pub mod tests;
