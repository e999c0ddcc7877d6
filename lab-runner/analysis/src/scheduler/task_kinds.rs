//! Groups of tasks by the place of their spawn, and how long their polls and waits were.

use crate::scheduler::bits::MOST_GROUPS;
use crate::scheduler::{Quantiles, TaskKind};
use hdrhistogram::Histogram;
use lab_recording::scheduler::{Event, Place};
use std::collections::BTreeMap;

/// The longest time in a distribution, in nanoseconds: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Steps of a picture in which a time grows tenfold.
const STEPS: f64 = 10.0;

/// The task kind of a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SlotOwner {
    Place(u16),
    Unknown,
    Others,
}

/// Small numbers for the places that occur.
pub struct Slots {
    of_place: Vec<Option<u8>>,
    not_known: Option<u8>,
    owners: Vec<SlotOwner>,
}

impl Slots {
    pub fn new(places: usize) -> Slots {
        Slots {
            of_place: vec![None; places.min(usize::from(u16::MAX) + 1)],
            not_known: None,
            owners: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// The slot of a place that has occurred; the last one of all that have none.
    pub fn get(&self, place: u16) -> usize {
        let slot = self.of_place.get(usize::from(place)).copied().unwrap_or(self.not_known);
        slot.map_or(self.owners.len().saturating_sub(1), usize::from)
    }

    /// The slot of a place, which gets one if there is any left.
    pub fn occur(&mut self, place: u16) -> usize {
        let next = self.owners.len();
        let (slot, owner) = match self.of_place.get_mut(usize::from(place)) {
            Some(slot) => (slot, SlotOwner::Place(place)),
            None => (&mut self.not_known, SlotOwner::Unknown),
        };
        if let Some(slot) = *slot {
            return usize::from(slot);
        }
        let last = MOST_GROUPS - 1;
        let (at, owner) = if next < last { (next, owner) } else { (last, SlotOwner::Others) };
        *slot = u8::try_from(at).ok();
        if at == next {
            self.owners.push(owner);
        }
        at
    }

    /// What the tasks of a slot are called, and their place.
    pub fn names(
        &self,
        slot: usize,
        places: &[Place],
        name_of: &dyn Fn(&Place) -> Option<String>,
    ) -> [String; 2] {
        let place = match self.owners[slot] {
            SlotOwner::Place(place) => places.get(usize::from(place)),
            SlotOwner::Unknown => None,
            SlotOwner::Others => return ["other places".into(), "other places".into()],
        };
        let Some(place) = place else { return ["not known".into(), "not known".into()] };
        let text = format!("{}:{}", place.file, place.line);
        [name_of(place).unwrap_or_else(|| text.clone()), text]
    }
}

/// Times, in nanoseconds, as they come in.
struct Times {
    histogram: Histogram<u64>,
    sum: f64,
    max: u64,
}

impl Times {
    fn new() -> Times {
        let histogram = Histogram::new_with_max(LONGEST_NS, 2)
            .expect("an hour to two digits is a valid histogram");
        Times { histogram, sum: 0.0, max: 0 }
    }

    fn add(&mut self, ns: u64) {
        self.histogram.saturating_record(ns);
        self.sum += ns as f64;
        self.max = self.max.max(ns);
    }

    fn quantiles(&self) -> Quantiles {
        let us = |ns: u64| ns as f64 / 1e3;
        let at = |quantile| us(self.histogram.value_at_quantile(quantile).min(self.max));
        Quantiles {
            count: self.histogram.len(),
            sum: self.sum / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: us(self.max),
            steps: steps(&self.histogram),
        }
    }
}

fn steps(histogram: &Histogram<u64>) -> Vec<(f64, u64)> {
    let mut steps: BTreeMap<i64, u64> = BTreeMap::new();
    for value in histogram.iter_recorded() {
        let step = ((value.value_iterated_to().max(1) as f64).log10() * STEPS).ceil();
        *steps.entry(step as i64).or_default() += value.count_at_value();
    }
    steps.into_iter().map(|(step, count)| (10_f64.powf(step as f64 / STEPS) / 1e3, count)).collect()
}

/// A distribution of times in nanoseconds, reported in microseconds.
pub fn quantiles(times: impl IntoIterator<Item = u64>) -> Quantiles {
    let mut all = Times::new();
    times.into_iter().for_each(|ns| all.add(ns));
    all.quantiles()
}

/// What the polls of one task kind come to.
pub struct Tally {
    polls: u64,
    budget_spent: u64,
    poll: Times,
    latency: Times,
}

impl Tally {
    pub fn new() -> Tally {
        Tally { polls: 0, budget_spent: 0, poll: Times::new(), latency: Times::new() }
    }

    pub fn add(&mut self, poll: &Event) {
        self.polls += 1;
        self.budget_spent += u64::from(poll.budget_spent);
        self.poll.add(poll.length_ns);
        if let Some(latency) = poll.latency_ns {
            self.latency.add(latency);
        }
    }

    pub fn task_kind(
        &self,
        [name, place]: [String; 2],
        [spawned, ended]: [u64; 2],
        made_by: Option<usize>,
    ) -> TaskKind {
        TaskKind {
            name,
            spawned_at: place,
            function: None,
            spawned,
            made_by,
            ended,
            polls: self.polls,
            budget_spent: self.budget_spent,
            poll_us: self.poll.quantiles(),
            latency_us: (!self.latency.histogram.is_empty()).then(|| self.latency.quantiles()),
        }
    }
}
