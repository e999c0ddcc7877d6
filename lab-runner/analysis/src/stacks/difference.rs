//! What changed from one profile to another, function by function, as far as it is more than noise.

use crate::stacks::Folded;
use crate::stacks::amount::amount;
use crate::stacks::owner::charged;
use crate::stacks::side::{Scale, Side};
use anyhow::{Result, ensure};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A profile that stands for less of the measured time than this says so.
const COVERED: f64 = 0.95;
/// Rounding of sums, as a part of the larger side: no change.
const ROUNDING: f64 = 1e-9;

/// What a change must exceed to be told.
///
/// A weight that comes from n samples is taken to be uncertain by its n-th part times the root of n, as counts of
/// independent events are. Samples of one burst are not independent: of those, more is noise than this masks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Samples that at least one side must have.
    pub fewest: f64,
    /// How many standard deviations of both sides together the change must exceed.
    pub deviations: f64,
    /// Profiling overhead of the side that had more of it, as a share: a smaller change may be the profiler's.
    pub overhead: f64,
    /// Which share of the measured time the samples of each side stand for, before and after. What is missing may belong to
    /// any function in proportion to what was seen of it.
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

/// What a function weighs on one side.
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
    /// What it weighed.
    pub before: Weight,
    /// What it weighs.
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
    /// What changed, by how much it changed, most first.
    pub entries: Vec<Entry>,
    /// Functions that changed, but by no more than noise may.
    pub left_out: usize,
    /// Functions that changed by more than that, and by less than the profiling overhead.
    pub masked: usize,
    /// Functions that did not change.
    pub unchanged: usize,
    /// What all of each side weighs, in `unit`.
    pub totals: (f64, f64),
    /// Of all weights: that of the profile, or `%` where operations are unknown.
    pub unit: String,
    /// What a weight is of: `per request`, or `of all us`.
    pub per: String,
    /// What the sides are called.
    pub labels: (String, String),
    /// What the reader must know.
    pub notes: Vec<String>,
}

impl Difference {
    /// Compares two profiles whose names match, by the functions of the program's own crate and by the crates that these
    /// call.
    ///
    /// # Errors
    /// If they are in different units, count different operations, or both have no samples.
    pub fn of(before: &Side, after: &Side, own_crate: Option<&str>, noise: &Noise) -> Result<Difference> {
        ensure!(
            !(before.folded.is_empty() && after.folded.is_empty()),
            "no samples: neither {} nor {} has any stack",
            before.label,
            after.label
        );
        let scale = Scale::of(before, after)?;
        let mut difference = Difference {
            entries: Vec::new(),
            left_out: 0,
            masked: 0,
            unchanged: 0,
            totals: (before.folded.total() / scale.before, after.folded.total() / scale.after),
            unit: scale.unit.clone(),
            per: scale.per.clone(),
            labels: (before.label.into(), after.label.into()),
            notes: scale.note.clone().into_iter().chain(missing_samples([before.label, after.label], noise)).collect(),
        };
        let [was, is] = [before, after].map(|side| Charged::of(side, own_crate));
        let unknown = (was.unknown() / scale.before).max(is.unknown() / scale.after);
        difference.take(&was.weights(scale.before), &is.weights(scale.after), noise, unknown);
        Ok(difference)
    }

    /// By which factor each function changed that changed by more than noise: 0 of one that is gone, infinite of a new one.
    pub fn ratios(&self) -> BTreeMap<&str, f64> {
        let ratio = |entry: &Entry| entry.after.inclusive / entry.before.inclusive;
        self.entries.iter().map(|entry| (entry.function.as_str(), ratio(entry))).collect()
    }

    /// The difference as sentences: at most so many changes, then what was left out, then the notes.
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
            Change::Shrunk => format!("{function} shrunk: {was} {per} {of_before}, {is} {of_after}"),
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
                Some(change) => self.entries.push(Entry { function: function.to_owned(), change, before, after }),
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
    fn of(side: &Side, own_crate: Option<&str>) -> Charged {
        Charged {
            weights: charged(side.folded, own_crate),
            samples: side.samples.map(|samples| charged(samples, own_crate)),
        }
    }

    /// What is charged to nobody, because the stack could not be walked or named.
    fn unknown(&self) -> f64 {
        let nameless = |frames: &[&str]| frames.iter().all(|frame| frame.starts_with('['));
        self.weights.stacks().filter(|(frames, _)| nameless(frames)).map(|(_, weight)| weight).sum()
    }

    fn weights(&self, divisor: f64) -> Weights<'_> {
        let counts = self.samples.as_ref().unwrap_or(&self.weights).inclusive();
        let own = self.weights.own();
        let of = |from: &BTreeMap<&str, f64>, function: &str| from.get(function).copied().unwrap_or_default();
        let mut weights = Weights::new();
        for (function, inclusive) in self.weights.inclusive() {
            let (own, samples) = (of(&own, function) / divisor, of(&counts, function));
            weights.insert(function, Weight { inclusive: inclusive / divisor, own, samples });
        }
        weights
    }
}

/// `samples stand for 60 % of the measured CPU time before, 66 % after`, if they do not stand for all of it.
fn missing_samples([before, after]: [&str; 2], noise: &Noise) -> Option<String> {
    let (was, is) = noise.covered;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    (was.min(is) < COVERED).then(|| {
        format!(
            "samples stand for {} of the measured CPU time {before}, {} {after}: changes that the rest can explain are left out",
            percent(was),
            percent(is)
        )
    })
}

/// Whether samples that were lost, or whose stack is not known, can make the change up. What was seen is the least that a
/// function can weigh; the most is that with its part of what was lost.
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
mod tests {
    use super::*;
    use crate::stacks::{Folded, Names};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn folded(text: &str) -> Folded {
        Folded::parse(text.as_bytes()).folded
    }

    fn side<'a>(label: &'a str, folded: &'a Folded, ops: Option<u64>) -> Side<'a> {
        Side { label, folded, unit: "samples", samples: None, ops, op: "request" }
    }

    fn of(before: &Side, after: &Side) -> Difference {
        Difference::of(before, after, Some("shop"), &Noise::default()).unwrap()
    }

    #[test]
    fn what_is_gone_and_what_is_new_is_told_in_words() {
        let before = folded("[tokio];shop::buggy::import;shop::buggy::parse 812\n[tokio];idle 400\n[tokio];rare 6\n");
        let after = folded("[tokio];shop::buggy::import;fast::parse 100\n[tokio];idle 780\n[tokio];seldom 9\n");
        let samples = before.clone();
        let before = before.scaled(1_000_000.0);
        let before = Side { unit: "ns", samples: Some(&samples), ..side("before", &before, Some(1_000)) };
        let counts = after.clone();
        let after = after.scaled(1_000_000.0);
        let after = Side { unit: "ns", samples: Some(&counts), ..side("after", &after, Some(2_000)) };
        let difference = of(&before, &after);
        assert_eq!(
            difference.lines(4),
            [
                "shop::buggy::parse gone: 812 us per request before, none after",
                "shop::buggy::import shrunk: 812 us per request before, 50.0 us after",
                "crate fast new: none before, 50.0 us per request after",
                "1 change within noise left out",
            ]
        );
        assert_eq!(difference.totals, (1_218_000.0, 444_500.0));
        assert_eq!(difference.entries[0].before, Weight { inclusive: 812_000.0, own: 812_000.0, samples: 812.0 });
        assert_eq!(difference.lines(1)[1..], ["2 smaller changes not shown", "1 change within noise left out"]);
    }

    /// The same parse, 500 samples on either side: the compiler inlined another part of it, and named another instance.
    #[test]
    fn other_inlining_of_the_same_work_is_no_change() {
        let before = folded(
            "[tokio];shop::import::{closure};serde_json::de::from_str;serde_json::map::Map<A>::insert;alloc::btree::insert 20\n\
             [tokio];shop::import::{closure};serde_json::de::from_str;alloc::btree::insert 300\n\
             [tokio];shop::import::{closure};shop::check<A>;serde_json::value::get 180\n",
        );
        let after = folded(
            "[tokio];shop::import;core::iter::map;serde_json::map::Map<B>::insert;alloc::btree::insert 320\n\
             [tokio];shop::import;shop::check<B>::{closure};core::option::map;serde_json::value::Value::get;memcmp 180\n",
        );
        let difference = of(&side("before", &before, Some(100)), &side("after", &after, Some(100)));
        assert_eq!((difference.entries, difference.left_out, difference.unchanged), (vec![], 0, 3));
        let slower = folded("[tokio];shop::import;serde_json::map::Map<B>::insert;alloc::btree::insert 1320\n");
        let difference = of(&side("before", &before, Some(100)), &side("after", &slower, Some(100)));
        let grown: Vec<&str> = difference.entries.iter().map(|entry| entry.function.as_str()).collect();
        assert_eq!(grown, ["crate serde_json", "shop::import", "shop::check"], "real changes stay");
    }

    /// Of 1 000 samples, 600 came before and 900 after: a function that did the same is seen half as often again.
    #[test]
    fn what_lost_samples_and_unknown_stacks_can_make_up_is_no_change() {
        let entries = |before: &str, after: &str, covered| {
            let (before, after) = (folded(before), folded(after));
            let noise = Noise { covered, ..Noise::default() };
            let sides = (side("before", &before, Some(1)), side("after", &after, Some(1)));
            Difference::of(&sides.0, &sides.1, Some("shop"), &noise).unwrap().entries.len()
        };
        let (fewer, more) = ("shop::a 6000\n", "shop::a 9000\n");
        assert_eq!((entries(fewer, more, (0.6, 0.9)), entries(fewer, more, (0.9, 0.9))), (0, 1));
        assert_eq!((entries(more, fewer, (0.9, 0.6)), entries(more, fewer, (0.9, 0.9))), (0, 1));
        let (named, nameless) = ("shop::a 6000\n[no stack] 100\n", "shop::a 3000\n[no stack] 3100\n");
        assert_eq!(entries(named, nameless, (1.0, 1.0)), 0, "they may be of that function");
        let side_of = |folded| side("before", folded, Some(1));
        let one = folded(fewer);
        let noise = Noise { covered: (0.6, 1.0), ..Noise::default() };
        let notes = Difference::of(&side_of(&one), &side_of(&one), None, &noise).unwrap().notes;
        assert!(notes[0].starts_with("samples stand for 60 % of the measured CPU time before, 100 %"), "{notes:?}");
    }

    #[test]
    fn variants_match_after_unification() {
        let names = Names::new().unify_variants("shop", &["buggy", "fixed"]);
        let before = names.apply(&folded("w;shop::buggy::import::{{closure}};serde_json::from_str 500\n"));
        let after = names.apply(&folded("w;shop::fixed::import::{closure#0};serde_json::from_str 500\n"));
        let difference = of(&side("before", &before, Some(10)), &side("after", &after, Some(10)));
        assert_eq!((difference.entries, difference.left_out, difference.unchanged), (vec![], 0, 2));
    }

    #[test]
    fn without_operations_shares_are_compared_and_it_says_so() {
        let (before, after) = (folded("a 900\nb 100\n"), folded("a 100\nb 100\n"));
        for ops in [None, Some(0)] {
            let difference = of(&side("before", &before, ops), &side("after", &after, Some(7)));
            assert_eq!(
                difference.lines(9),
                [
                    "a shrunk: 90.0 % of all samples before, 50.0 % after",
                    "b grown: 10.0 % of all samples before, 50.0 % after",
                    "nobody counted a request before: shares of each side's own total, \
                     where one function grows when another shrinks",
                ]
            );
        }
        let none = Folded::default();
        assert_eq!(of(&side("before", &before, None), &side("after", &none, None)).totals, (100.0, 0.0));
    }

    #[test]
    fn what_cannot_be_compared_is_refused_with_a_reason() {
        let (some, none) = (folded("a 100\n"), Folded::default());
        let error = |a: &Side, b: &Side| Difference::of(a, b, None, &Noise::default()).unwrap_err().to_string();
        let before = side("before", &some, None);
        assert_eq!(error(&before, &Side { unit: "bytes", ..before }), "samples and bytes cannot be compared");
        assert_eq!(error(&before, &Side { op: "piece", ..before }), "one request and one piece cannot be compared");
        let empty = [side("before", &none, None), side("after", &none, None)];
        assert_eq!(error(&empty[0], &empty[1]), "no samples: neither before nor after has any stack");
    }

    /// A quarter more of 100 samples happens by chance once in thirteen times; of 10 000, never.
    #[test]
    fn the_same_change_is_noise_in_few_samples_and_none_in_many() {
        let told = |n: f64| {
            let (before, after) = (folded(&format!("a {n}\n")), folded(&format!("a {}\n", 1.25 * n)));
            of(&side("before", &before, Some(1)), &side("after", &after, Some(1))).entries.len()
        };
        assert_eq!((told(100.0), told(10_000.0)), (0, 1));
    }

    /// Of a thousand, fifty are profiling overhead.
    #[test]
    fn a_change_smaller_than_what_overhead_cost_is_masked_and_counted() {
        let told = |shrunk: f64| {
            let (before, after) =
                (folded("a 10000\nb 90000\n"), folded(&format!("a {}\nb 90000\n", 10_000.0 - shrunk)));
            let noise = Noise { overhead: 0.05, ..Noise::default() };
            Difference::of(&side("before", &before, Some(1)), &side("after", &after, Some(1)), None, &noise).unwrap()
        };
        let (below, above) = (told(4_999.0), told(5_001.0));
        assert_eq!((below.entries.len(), below.masked, below.unchanged), (0, 1, 1));
        assert_eq!((above.entries.len(), above.masked), (1, 0));
        assert_eq!(below.lines(9), ["1 change smaller than the profiling overhead left out"]);
    }

    fn profile() -> impl Strategy<Value = Folded> {
        vec((vec("[a-f]", 1..5), 1_u32..2_000), 0..12).prop_map(|stacks| {
            let mut folded = Folded::default();
            stacks.iter().for_each(|(frames, weight)| folded.add(frames, f64::from(*weight)));
            folded
        })
    }

    fn swapped(entry: &Entry) -> Entry {
        let change = match entry.change {
            Change::Gone => Change::New,
            Change::New => Change::Gone,
            Change::Grown => Change::Shrunk,
            Change::Shrunk => Change::Grown,
        };
        Entry { change, before: entry.after, after: entry.before, ..entry.clone() }
    }

    proptest! {
        #[test]
        fn swapping_the_sides_swaps_what_is_told(
            a in profile(), b in profile(), ops in (0_u64..50, 0_u64..50),
        ) {
            prop_assume!(!(a.is_empty() && b.is_empty()));
            let (a, b) = (side("here", &a, Some(ops.0)), side("there", &b, Some(ops.1)));
            let (there, back) = (of(&a, &b), of(&b, &a));
            prop_assert_eq!(there.entries.iter().map(swapped).collect::<Vec<_>>(), back.entries);
            prop_assert_eq!((there.left_out, there.unchanged), (back.left_out, back.unchanged));
            prop_assert_eq!((there.totals.1, there.totals.0), back.totals);
        }

        #[test]
        fn a_profile_against_itself_has_no_entries(a in profile(), ops in 1_u64..50) {
            prop_assume!(!a.is_empty());
            let difference = of(&side("before", &a, Some(ops)), &side("after", &a, Some(ops)));
            prop_assert_eq!((difference.entries.len(), difference.left_out), (0, 0));
        }

        #[test]
        fn every_weight_and_function_is_accounted_for(a in profile(), b in profile(), ops in (1_u64..50, 1_u64..50)) {
            prop_assume!(!(a.is_empty() && b.is_empty()));
            let all = Noise { fewest: 0.0, deviations: 0.0, overhead: 0.0, covered: (1.0, 1.0) };
            let (before, after) = (side("before", &a, Some(ops.0)), side("after", &b, Some(ops.1)));
            let difference = Difference::of(&before, &after, None, &all).unwrap();
            let delta: f64 = difference.entries.iter().map(|entry| entry.after.own - entry.before.own).sum();
            let total = difference.totals.1 - difference.totals.0;
            // A function whose inclusive weight did not change may have other own weight; it is not listed.
            prop_assert!(difference.unchanged > 0 || (delta - total).abs() < 1e-6 * (1.0 + total.abs()));
            let functions: BTreeSet<&str> = a.inclusive().into_keys().chain(b.inclusive().into_keys()).collect();
            prop_assert_eq!(difference.entries.len() + difference.left_out + difference.unchanged, functions.len());
            prop_assert_eq!(difference.totals, (a.total() / ops.0 as f64, b.total() / ops.1 as f64));
        }
    }
}
