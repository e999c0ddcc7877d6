//! The changes from one profile to another, by function, beyond noise.

use crate::stacks::Folded;
use crate::stacks::amount::amount;
use crate::stacks::owner::charged;
use crate::stacks::side::{Scale, Side};
use anyhow::{Result, ensure};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The share of the measured time below which a profile is noted as incomplete.
const COVERED: f64 = 0.95;
/// Rounding of sums, as a part of the larger side: no change.
const ROUNDING: f64 = 1e-9;

/// The limits that a reported change must exceed.
///
/// A weight that comes from n samples is taken to be uncertain by its n-th part times the root of
/// n, as counts of independent events are. Samples of one burst are not independent: of those, more
/// is noise than this masks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Samples that at least one side must have.
    pub fewest: f64,
    /// How many standard deviations of both sides together the change must exceed.
    pub deviations: f64,
    /// Profiling overhead of the side that had more of it, as a share: a smaller change may be the
    /// profiler's.
    pub overhead: f64,
    /// Which share of the measured time the samples of each side stand for, before and after. What
    /// is missing may belong to any function in proportion to what was seen of it.
    pub covered: (f64, f64),
}

impl Default for Noise {
    fn default() -> Noise {
        Noise { fewest: 10.0, deviations: 3.0, overhead: 0.0, covered: (1.0, 1.0) }
    }
}

/// How a function's weight, with all that it calls, changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was there before only.
    Gone,
    /// It is there after only.
    New,
    /// More per operation than before.
    Grown,
    /// Less per operation than before.
    Shrunk,
}

/// The weight of a function on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weight {
    /// With all that it calls, in the difference's unit.
    pub inclusive: f64,
    /// Without what it calls, in the difference's unit.
    pub own: f64,
    /// Samples that the inclusive weight comes from, of the whole profile.
    pub samples: f64,
}

/// A function that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub function: String,
    /// How it changed.
    pub change: Change,
    /// The weight before.
    pub before: Weight,
    /// The weight after.
    pub after: Weight,
}

impl Entry {
    /// How much more it weighs after, with all that it calls.
    pub fn delta(&self) -> f64 {
        self.after.inclusive - self.before.inclusive
    }
}

/// The difference of two profiles.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The changes, the largest first.
    pub entries: Vec<Entry>,
    /// Functions that changed, but by no more than noise may.
    pub left_out: usize,
    /// Functions that changed by more than that, and by less than the profiling overhead.
    pub masked: usize,
    /// Functions that did not change.
    pub unchanged: usize,
    /// The total weight of each side, in `unit`.
    pub totals: (f64, f64),
    /// Of all weights: that of the profile, or `%` where operations are unknown.
    pub unit: String,
    /// The reference of a weight: `per request`, or `of all us`.
    pub per: String,
    /// The names of the sides.
    pub labels: (String, String),
    /// A note on the comparison.
    pub notes: Vec<String>,
}

impl Difference {
    /// Compares two profiles whose names match, by the functions of the program's own crate and by
    /// the crates that these call.
    ///
    /// # Errors
    /// If they are in different units, count different operations, or both have no samples.
    pub fn new(
        before: &Side,
        after: &Side,
        own_crate: Option<&str>,
        noise: &Noise,
    ) -> Result<Difference> {
        ensure!(
            !(before.folded.is_empty() && after.folded.is_empty()),
            "no samples: neither {} nor {} has stacks",
            before.label,
            after.label
        );
        let scale = Scale::new(before, after)?;
        let mut difference = Difference {
            entries: Vec::new(),
            left_out: 0,
            masked: 0,
            unchanged: 0,
            totals: (before.folded.total() / scale.before, after.folded.total() / scale.after),
            unit: scale.unit.clone(),
            per: scale.per.clone(),
            labels: (before.label.into(), after.label.into()),
            notes: scale
                .note
                .clone()
                .into_iter()
                .chain(missing_samples([before.label, after.label], noise))
                .collect(),
        };
        let [was, is] = [before, after].map(|side| Charged::new(side, own_crate));
        let unknown = (was.unknown() / scale.before).max(is.unknown() / scale.after);
        difference.take(&was.weights(scale.before), &is.weights(scale.after), noise, unknown);
        Ok(difference)
    }

    /// By which factor each function changed that changed by more than noise: 0 of one that is
    /// gone, infinite of a new one.
    pub fn ratios(&self) -> BTreeMap<&str, f64> {
        let ratio = |entry: &Entry| entry.after.inclusive / entry.before.inclusive;
        self.entries.iter().map(|entry| (entry.function.as_str(), ratio(entry))).collect()
    }

    /// The difference as sentences: at most so many changes, then what was left out, then the
    /// notes.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let more = self.entries.len().saturating_sub(most);
        let tail = [
            counted(more, "smaller change", "not shown"),
            counted(self.left_out, "change", "within noise left out"),
            counted(self.masked, "change", "smaller than the profiling overhead left out"),
        ];
        let entries = self.entries.iter().take(most).map(|entry| self.line(entry));
        entries.chain(tail.into_iter().flatten()).chain(self.notes.iter().cloned()).collect()
    }

    fn line(&self, entry: &Entry) -> String {
        let Entry { function, before, after, .. } = entry;
        let (of_before, of_after) = &self.labels;
        let per = &self.per;
        let [was, is] = [before, after].map(|weight| amount(weight.inclusive, &self.unit));
        match entry.change {
            Change::Gone => format!("{function} gone: {was} {per} {of_before}, none {of_after}"),
            Change::New => format!("{function} new: none {of_before}, {is} {per} {of_after}"),
            Change::Grown => format!("{function} grown: {was} {per} {of_before}, {is} {of_after}"),
            Change::Shrunk => {
                format!("{function} shrunk: {was} {per} {of_before}, {is} {of_after}")
            }
        }
    }

    /// Sorts all functions. Up to `unknown` of a change may be time whose stack is not known.
    fn take(&mut self, before: &Weights, after: &Weights, noise: &Noise, unknown: f64) {
        let functions: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        for function in functions {
            let of = |side: &Weights| side.get(function).copied().unwrap_or_default();
            let (before, after) = (of(before), of(after));
            match change(&before, &after) {
                None => self.unchanged += 1,
                Some(_) if is_noise(&before, &after, noise) => self.left_out += 1,
                Some(_) if may_be_missing(&before, &after, noise, unknown) => self.left_out += 1,
                Some(_) if self.is_of_overhead(&before, &after, noise) => self.masked += 1,
                Some(change) => self.entries.push(Entry {
                    function: function.to_owned(),
                    change,
                    before,
                    after,
                }),
            }
        }
        self.entries.sort_by(largest_first);
    }

    fn is_of_overhead(&self, before: &Weight, after: &Weight, noise: &Noise) -> bool {
        let all = self.totals.0.max(self.totals.1);
        (after.inclusive - before.inclusive).abs() < noise.overhead * all
    }
}

/// `17 frames below the noise left out`; nothing of none.
fn counted(count: usize, what: &str, about: &str) -> Option<String> {
    let plural = if count == 1 { "" } else { "s" };
    (count > 0).then(|| format!("{count} {what}{plural} {about}"))
}

/// Functions with what they weigh.
type Weights<'a> = BTreeMap<&'a str, Weight>;

/// One side with its stacks reduced to what they are charged to.
struct Charged {
    weights: Folded,
    /// The samples behind them; none if the weights are the samples.
    samples: Option<Folded>,
}

impl Charged {
    fn new(side: &Side, own_crate: Option<&str>) -> Charged {
        Charged {
            weights: charged(side.folded, own_crate),
            samples: side.samples.map(|samples| charged(samples, own_crate)),
        }
    }

    /// The weight of stacks that could not be walked or named.
    fn unknown(&self) -> f64 {
        let nameless = |frames: &[&str]| frames.iter().all(|frame| frame.starts_with('['));
        self.weights.stacks().filter(|(frames, _)| nameless(frames)).map(|(_, weight)| weight).sum()
    }

    fn weights(&self, divisor: f64) -> Weights<'_> {
        let counts = self.samples.as_ref().unwrap_or(&self.weights).inclusive();
        let own = self.weights.own();
        let of = |from: &BTreeMap<&str, f64>, function: &str| {
            from.get(function).copied().unwrap_or_default()
        };
        let mut weights = Weights::new();
        for (function, inclusive) in self.weights.inclusive() {
            let (own, samples) = (of(&own, function) / divisor, of(&counts, function));
            weights.insert(function, Weight { inclusive: inclusive / divisor, own, samples });
        }
        weights
    }
}

/// `samples stand for 60 % of the measured CPU time before, 66 % after`, if they do not stand for
/// all of it.
fn missing_samples([before, after]: [&str; 2], noise: &Noise) -> Option<String> {
    let (was, is) = noise.covered;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    (was.min(is) < COVERED).then(|| {
        format!(
            "samples stand for {} of the measured CPU time {before}, {} {after}: changes that the \
             rest \
             can explain are left out",
            percent(was),
            percent(is)
        )
    })
}

/// Whether samples that were lost, or whose stack is not known, can make the change up. What was
/// seen is the least that a function can weigh; the most is that with its part of what was lost.
fn may_be_missing(before: &Weight, after: &Weight, noise: &Noise, unknown: f64) -> bool {
    let (was, is) = (before.inclusive, after.inclusive);
    let (was_most, is_most) = (was / noise.covered.0 + unknown, is / noise.covered.1 + unknown);
    was <= is_most && is <= was_most
}

fn change(before: &Weight, after: &Weight) -> Option<Change> {
    let (b, a) = (before.inclusive, after.inclusive);
    match b.partial_cmp(&a)? {
        _ if (a - b).abs() <= ROUNDING * a.max(b) => None,
        Ordering::Greater if a == 0.0 => Some(Change::Gone),
        Ordering::Less if b == 0.0 => Some(Change::New),
        Ordering::Greater => Some(Change::Shrunk),
        _ => Some(Change::Grown),
    }
}

fn is_noise(before: &Weight, after: &Weight, noise: &Noise) -> bool {
    let variance = |weight: &Weight| weight.inclusive * weight.inclusive / weight.samples.max(1.0);
    let deviation = (variance(before) + variance(after)).sqrt();
    let few = before.samples.max(after.samples) < noise.fewest;
    few || (after.inclusive - before.inclusive).abs() <= noise.deviations * deviation
}

fn largest_first(a: &Entry, b: &Entry) -> Ordering {
    b.delta().abs().total_cmp(&a.delta().abs()).then_with(|| a.function.cmp(&b.function))
}

#[cfg(test)]
mod tests;
