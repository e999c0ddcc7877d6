//! The result of a comparison from its runs: which pairs count, and how much each metric
//! changed.

use crate::comparison::metrics::Metric;
use crate::comparison::verdict::{
    Change, LogRatios, Side as Bounds, bonferroni, disagree, fewest_pairs, judge, log_ratios,
};
use crate::host::{depends_on_host, disturbance, slowdown, widened};
use crate::requests::{Analysis, Reading, ValidityVerdict};
use crate::stats::estimate::{Estimate, detectable};
use crate::stats::median;
use lab_recording::Ending;
use lab_recording::spec::Side;
use std::collections::BTreeMap;

/// A comparison of two sides by pairs of runs.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The name of side A.
    pub before: String,
    /// The name of side B.
    pub after: String,
    /// All pairs with two runs, by number.
    pub pairs: Vec<Pair>,
    /// All metrics that both sides have, the primary one first.
    pub metrics: Vec<Compared>,
    /// The endings of the runs of both sides, over all pairs that count.
    pub endings: [BTreeMap<String, usize>; 2],
    /// The lost requests of both sides, over all pairs that count.
    pub lost: [f64; 2],
    /// Why the comparison allows no conclusion; none if it does.
    pub invalid: Option<String>,
    /// Conditions that limit the conclusion, for recordings that were made separately.
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
    /// Why the pair is excluded: a run did not end, or is invalid. None if it counts.
    pub dropped: Option<String>,
    /// CPU time that others took during the pair, if it disturbs times. Counts are exact
    /// nevertheless.
    pub disturbed: Option<String>,
    /// The use of its times.
    pub times: Times,
}

/// The use of the times of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    /// As measured: the pair was undisturbed.
    Measured,
    /// As bounds: the slowdown that others may have caused, for each side.
    Bounded([f64; 2]),
    /// Excluded: an undisturbed pair replaces it, or others took too much CPU time.
    LeftOut,
}

/// The comparison of one metric.
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
    /// Whether there are enough pairs to judge this metric as well. If not, it is shown as
    /// inconclusive.
    pub judged: bool,
    /// The ratio of B to A, or why there is none.
    pub estimate: Result<Estimate, String>,
    /// The verdict.
    pub change: Change,
    /// Whether Student's interval gives another verdict.
    pub disagrees: bool,
    /// The minimum detectable change: the smallest that this number of pairs detects at
    /// this noise, as a share.
    pub detectable: Option<f64>,
    /// Whether 0.5 was added to both sides of each pair, because a count may be zero.
    pub halved: bool,
    /// The number of pairs that agree on a direction.
    pub directions: Directions,
}

/// The pairs that moved beyond the equivalence margin for every value within their bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    /// Pairs whose side after is lower.
    pub lower: usize,
    /// Pairs whose side after is higher.
    pub higher: usize,
    /// All pairs that have the metric.
    pub of: usize,
}

/// The rule of a comparison, fixed before the measurement.
#[derive(Clone, Debug)]
pub struct Rule<'a> {
    /// The metric that decides.
    pub primary: &'a str,
    /// The compared metrics in order of importance: as many are judged as the number of
    /// pairs allows.
    pub metrics: Vec<Metric>,
    /// The error probability of the primary metric's interval; the other metrics share the
    /// same amount.
    pub alpha: f64,
}

/// More dropped pairs than this make the comparison invalid.
const MOST_DROPPED: f64 = 0.30;

/// Both runs of a pair.
type Sides<'a> = (&'a Analysis, &'a Analysis);

/// Pairs whose counts and pairs whose times can be compared: of the latter each with how its times
/// are.
struct Usable<'a> {
    counts: Vec<Sides<'a>>,
    times: Vec<(Sides<'a>, [f64; 2])>,
}

impl Comparison {
    /// Compares the sides of all pairs. None without a complete pair.
    pub fn from_runs(runs: &[Analysis], rule: &Rule<'_>) -> Option<Comparison> {
        let whole = whole_pairs(runs);
        let (_, (a, b)) = whole.first_key_value()?;
        let (before, after) = (name(a), name(b));
        let mut pairs: Vec<Pair> =
            whole.iter().map(|(number, (a, b))| pair(*number, a, b)).collect();
        replace(&mut pairs, wanted(&whole));
        let usable = usable(&whole, &pairs);
        let metrics = compare_all(&usable, rule);
        let counts = &usable.counts;
        let endings =
            [endings(counts.iter().map(|pair| pair.0)), endings(counts.iter().map(|pair| pair.1))];
        let lost = [lost(counts.iter().map(|pair| pair.0)), lost(counts.iter().map(|pair| pair.1))];
        let invalid = too_many_dropped(&pairs).or_else(|| too_busy(&pairs, rule));
        Some(Comparison {
            before,
            after,
            pairs,
            metrics,
            endings,
            lost,
            invalid,
            warnings: Vec::new(),
        })
    }

    /// The verdict of the primary metric; inconclusive if the comparison is invalid or
    /// lacks that metric. A side that loses requests which the other side answers
    /// regresses, however fast it is.
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

    /// Pairs whose times were measured undisturbed.
    pub fn quiet(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.times == Times::Measured).count()
    }

    /// Pairs whose times are excluded because others took too much CPU time.
    pub fn left_out(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.dropped.is_none() && pair.times == Times::LeftOut)
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

/// The name of a side.
fn name(run: &Analysis) -> String {
    let spec = &run.recording.spec;
    let label = spec.purpose.pair().and_then(|pair| pair.label.clone());
    label.unwrap_or_else(|| spec.variant.clone())
}

/// Both runs of each pair that counts.
pub fn counted<'a>(
    runs: &'a [Analysis],
    comparison: &Comparison,
) -> Vec<(&'a Analysis, &'a Analysis)> {
    let counts = |number: usize| {
        comparison.pairs.iter().any(|pair| pair.number == number && pair.dropped.is_none())
    };
    whole_pairs(runs)
        .into_iter()
        .filter(|(number, _)| counts(*number))
        .map(|(_, sides)| sides)
        .collect()
}

/// Both sides of the pairs of which both runs are there.
fn whole_pairs(runs: &[Analysis]) -> BTreeMap<usize, (&Analysis, &Analysis)> {
    let side = |run: &Analysis| run.recording.spec.purpose.pair().cloned();
    let of = |number: usize, wanted: Side| {
        runs.iter()
            .find(|run| side(run).is_some_and(|pair| (pair.number, pair.side) == (number, wanted)))
    };
    let numbers = runs.iter().filter_map(|run| Some(side(run)?.number));
    numbers
        .filter_map(|number| Some((number, (of(number, Side::A)?, of(number, Side::B)?))))
        .collect()
}

fn pair(number: usize, a: &Analysis, b: &Analysis) -> Pair {
    let ended = |run: &Analysis| run.recording.outcome.ended_ns;
    let first = if ended(a) <= ended(b) { Side::A } else { Side::B };
    let dropped = [a, b].into_iter().find_map(unusable);
    let disturbed = [a, b].into_iter().find_map(|run| {
        disturbance(&run.recording.outcome)
            .map(|what| format!("{what} during {}", run.recording.spec.variant))
    });
    let times = match (slowdown(a), slowdown(b)) {
        _ if dropped.is_some() => Times::LeftOut,
        (Some(a), Some(b)) if a == 1.0 && b == 1.0 => Times::Measured,
        (Some(a), Some(b)) => Times::Bounded([a, b]),
        _ => Times::LeftOut,
    };
    Pair { number, first, seed: a.recording.spec.load.seed, dropped, disturbed, times }
}

/// Why a run is excluded.
fn unusable(run: &Analysis) -> Option<String> {
    let variant = &run.recording.spec.variant;
    if run.recording.outcome.ending == Ending::Unfinished {
        return Some(format!("the run of {variant} was interrupted"));
    }
    if run.validity.verdict == ValidityVerdict::Invalid {
        return Some(format!("the run of {variant} is invalid"));
    }
    None
}

/// The wanted number of undisturbed pairs; without a setting, the number of all pairs.
fn wanted(whole: &BTreeMap<usize, Sides<'_>>) -> usize {
    let wanted = |run: &Analysis| run.recording.spec.purpose.pair().and_then(|pair| pair.wanted);
    whole.values().filter_map(|(a, _)| wanted(a)).max().unwrap_or(whole.len())
}

/// Excludes the times of disturbed pairs that undisturbed ones replace. The choice depends on
/// the CPU time of others alone, never on the result of a pair, so it cannot bias the result.
///
/// Of 8 wanted pairs, say, 3 were disturbed and 2 more could be run: 7 pairs count as measured, and
/// of the 3 disturbed ones the first makes up the eighth, with bounds.
fn replace(pairs: &mut [Pair], wanted: usize) {
    let quiet = pairs.iter().filter(|pair| pair.times == Times::Measured).count();
    let mut missing = wanted.saturating_sub(quiet);
    for pair in pairs.iter_mut().filter(|pair| matches!(pair.times, Times::Bounded(_))) {
        if missing == 0 {
            pair.times = Times::LeftOut;
        }
        missing = missing.saturating_sub(1);
    }
}

fn usable<'a>(whole: &BTreeMap<usize, Sides<'a>>, pairs: &[Pair]) -> Usable<'a> {
    let mut usable = Usable { counts: Vec::new(), times: Vec::new() };
    for (sides, pair) in whole.values().zip(pairs) {
        if pair.dropped.is_none() {
            usable.counts.push(*sides);
        }
        match pair.times {
            Times::Measured => usable.times.push((*sides, [1.0, 1.0])),
            Times::Bounded(slowdowns) => usable.times.push((*sides, slowdowns)),
            Times::LeftOut => {}
        }
    }
    usable
}

fn too_many_dropped(pairs: &[Pair]) -> Option<String> {
    let dropped: Vec<&String> = pairs.iter().filter_map(|pair| pair.dropped.as_ref()).collect();
    let many = dropped.len() as f64 > MOST_DROPPED * pairs.len() as f64;
    many.then(|| format!("{} of {} pairs were dropped: {}", dropped.len(), pairs.len(), dropped[0]))
}

/// Why the metric that decides cannot be judged: it depends on the host, and others took too much
/// of that. The pairs are more than enough otherwise.
fn too_busy(pairs: &[Pair], rule: &Rule<'_>) -> Option<String> {
    let primary = rule.metrics.iter().find(|metric| metric.name == rule.primary)?;
    let left_out: Vec<&Pair> = pairs.iter().filter(|pair| pair.times == Times::LeftOut).collect();
    let enough = pairs.len() - left_out.len() >= fewest_pairs(rule.alpha);
    if enough || !depends_on_host(primary.unit) {
        return None;
    }
    let because = left_out.iter().find_map(|pair| pair.disturbed.as_ref())?;
    Some(format!("the host is too busy: in {} of {} pairs, {because}", left_out.len(), pairs.len()))
}

fn compare_all(usable: &Usable<'_>, rule: &Rule<'_>) -> Vec<Compared> {
    let counts = &usable.counts[..];
    let measured = |metric: &Metric| counts.iter().any(|pair| sides(pair, metric).is_some());
    let known: Vec<Metric> =
        rule.metrics.iter().copied().filter(|metric| measured(metric)).collect();
    let known: Vec<Metric> = known
        .into_iter()
        .filter(|metric| !(metric.may_be_zero && is_never_there(counts, metric.name)))
        .collect();
    let secondary = known.iter().filter(|metric| metric.name != rule.primary).count();
    let judged = judgeable(counts.len(), rule.alpha, secondary);
    let mut so_far = 0;
    let mut all: Vec<Compared> = Vec::new();
    for metric in known {
        let is_primary = metric.name == rule.primary;
        so_far += usize::from(!is_primary);
        let alpha = match is_primary {
            true => Some(rule.alpha),
            false => (so_far <= judged).then(|| bonferroni(rule.alpha, judged)),
        };
        all.push(compare(usable, &metric, is_primary, alpha));
    }
    all.sort_by_key(|metric| !metric.primary);
    all
}

/// Whether the metric is zero in every run: then there is nothing to compare.
fn is_never_there(pairs: &[Sides<'_>], name: &str) -> bool {
    let has = |run: &Analysis| run.metrics.get(name).is_some_and(|reading| reading.high > 0.0);
    !pairs.iter().any(|pair| has(pair.0) || has(pair.1))
}

/// The number of secondary metrics that this number of pairs can judge: with more, no interval
/// reaches the confidence level.
fn judgeable(pairs: usize, alpha: f64, secondary: usize) -> usize {
    (1..=secondary).take_while(|metrics| fewest_pairs(bonferroni(alpha, *metrics)) <= pairs).count()
}

/// Compares one metric; without an alpha it is shown and not judged.
fn compare(usable: &Usable<'_>, metric: &Metric, primary: bool, alpha: Option<f64>) -> Compared {
    let Metric { better, margin, may_be_zero, .. } = *metric;
    let pairs = pairs_of(usable, metric);
    // Where nothing can be compared, what was measured is shown all the same.
    let shown: Vec<(Bounds, Bounds)> = match pairs.is_empty() {
        true => usable.counts.iter().filter_map(|pair| sides(pair, metric)).collect(),
        false => pairs.iter().map(|pair| (pair.measured[0], pair.measured[1])).collect(),
    };
    let shift = if may_be_zero { HALF } else { 0.0 };
    let shifted: Vec<_> = pairs
        .iter()
        .map(|pair| (shift_by(&pair.bounds[0], shift), shift_by(&pair.bounds[1], shift)))
        .collect();
    let ratios = match pairs.is_empty() {
        true => Err(TOO_BUSY.to_owned()),
        false => log_ratios(&shifted),
    };
    let directions = ratios.as_ref().map(|ratios| directions(ratios, margin)).unwrap_or_default();
    let estimate = ratios.and_then(|ratios| ratios.estimate(alpha.unwrap_or(0.05)));
    let judged = estimate.as_ref().ok().filter(|_| alpha.is_some());
    Compared {
        metric: metric.name.to_owned(),
        primary,
        before: median_reading(shown.iter().map(|pair| &pair.0)),
        after: median_reading(shown.iter().map(|pair| &pair.1)),
        change: judged.map_or(Change::Inconclusive, |estimate| {
            judge(estimate.low, estimate.high, margin, better)
        }),
        disagrees: judged.is_some_and(|estimate| disagree(estimate, margin, better)),
        // Of bounds nobody knows how they scatter.
        detectable: judged
            .filter(|e| e.t.1.is_finite())
            .map(|estimate| detectable(estimate.sd, estimate.pairs)),
        judged: alpha.is_some(),
        halved: may_be_zero,
        directions,
        estimate,
    }
}

/// Why a metric has no interval although it was measured.
const TOO_BUSY: &str = "other processes used too much CPU time during every pair";

/// One metric of a pair.
struct PairOf {
    /// As both runs measured it.
    measured: [Bounds; 2],
    /// The same, with the time that others on the host may have added.
    bounds: [Bounds; 2],
}

/// A metric of every pair that has it on both sides and whose values can be compared.
fn pairs_of(usable: &Usable<'_>, metric: &Metric) -> Vec<PairOf> {
    if !depends_on_host(metric.unit) {
        let both = usable.counts.iter().filter_map(|pair| sides(pair, metric));
        return both.map(|(a, b)| PairOf { measured: [a, b], bounds: [a, b] }).collect();
    }
    let mut all = Vec::new();
    for ((a, b), slowdowns) in &usable.times {
        let Some(measured) = sides(&(*a, *b), metric) else { continue };
        let wider = |run: &Analysis, slowdown| {
            let reading = run.metrics.get(metric.name)?;
            Some(bounds_of(&widened(reading, metric.unit, slowdown)))
        };
        if let (Some(a), Some(b)) = (wider(a, slowdowns[0]), wider(b, slowdowns[1])) {
            all.push(PairOf { measured: [measured.0, measured.1], bounds: [a, b] });
        }
    }
    all
}

/// The number of ratios beyond the margin for every value within their bounds.
fn directions(ratios: &LogRatios, margin: f64) -> Directions {
    let margin = margin.ln_1p();
    let lower = ratios.highest.iter().filter(|highest| **highest < -margin).count();
    let higher = ratios.lowest.iter().filter(|lowest| **lowest > margin).count();
    Directions { lower, higher, of: ratios.values.len() }
}

/// What is added to both sides where one of them may be zero, as `estimate::log_ratio_of_counts`
/// does.
const HALF: f64 = 0.5;

fn shift_by(side: &Bounds, shift: f64) -> Bounds {
    Bounds { value: side.value + shift, low: side.low + shift, high: side.high + shift }
}

/// Both values of a pair. Zero has no ratio: of a metric that is never zero in a run that did
/// anything, a zero is as good as none.
fn sides(pair: &Sides<'_>, metric: &Metric) -> Option<(Bounds, Bounds)> {
    let usable = |reading: &&Reading| reading.value > 0.0 || metric.may_be_zero;
    let bounds = |run: &Analysis| run.metrics.get(metric.name).filter(usable).map(bounds_of);
    Some((bounds(pair.0)?, bounds(pair.1)?))
}

fn bounds_of(reading: &Reading) -> Bounds {
    Bounds { value: reading.value, low: reading.low.max(0.0), high: reading.high }
}

fn median_reading<'a>(bounds: impl Iterator<Item = &'a Bounds> + Clone) -> Reading {
    let median = |of: fn(&Bounds) -> f64| median(bounds.clone().map(of).collect());
    Reading {
        value: median(|b| b.value),
        low: median(|b| b.low),
        high: median(|b| b.high),
        because: None,
    }
}

#[cfg(test)]
pub mod tests;
