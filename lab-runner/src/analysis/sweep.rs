//! The runs of a sweep, sorted by way and size: what an exponent is fitted through.

use super::growth::{self, Growth, Point};
use super::{Analysis, Reading};
use lab_kit::{Ending, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// All ways of a sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// In the order of the scenario's variants, as far as that is known.
    pub ways: Vec<Way>,
    /// What the intervals are resampled with.
    seed: u64,
}

/// One variant at many sizes.
#[derive(Clone, Debug)]
pub struct Way {
    /// The variant.
    pub variant: String,
    /// Its kind.
    pub kind: Kind,
    runs: Vec<One>,
}

/// One run of it.
#[derive(Clone, Debug)]
struct One {
    size: usize,
    ending: Ending,
    metrics: BTreeMap<String, Reading>,
}

/// The size of the run that shows what an empty run costs.
const EMPTY: usize = 1;

impl Sweep {
    /// Sorts the runs of a sweep; nothing if there is none among them.
    pub fn of(runs: &[Analysis]) -> Option<Sweep> {
        let mut ways: Vec<Way> = Vec::new();
        let of_a_sweep = |run: &&Analysis| run.recording.spec.repetition.is_some();
        for run in runs.iter().filter(of_a_sweep) {
            let spec = &run.recording.spec;
            let one = One { size: spec.load.size, ending: run.recording.outcome.ending, metrics: run.metrics.clone() };
            match ways.iter_mut().find(|way| way.variant == spec.variant) {
                Some(way) => way.runs.push(one),
                None => ways.push(Way { variant: spec.variant.clone(), kind: spec.kind, runs: vec![one] }),
            }
        }
        let first = runs.iter().find(of_a_sweep)?;
        Some(Sweep { ways, seed: first.recording.spec.load.seed })
    }

    /// Puts the ways in the order of their scenario's variants.
    pub fn sort_by(&mut self, place: impl Fn(&str) -> Option<usize>) {
        self.ways.sort_by_key(|way| place(&way.variant).unwrap_or(usize::MAX));
    }

    /// The largest size at which every way has this metric.
    pub fn largest_of_all(&self, metric: &str) -> Option<usize> {
        let by_all = |size: &usize| self.ways.iter().all(|way| way.median_at(metric, *size).is_some());
        self.sizes().into_iter().rev().find(by_all)
    }

    /// The way of this name.
    pub fn way(&self, variant: &str) -> Option<&Way> {
        self.ways.iter().find(|way| way.variant == variant)
    }

    /// How a metric of a way grows.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn growth(&self, way: &Way, metric: &str) -> Result<Growth, String> {
        growth::fit(&way.points(metric), way.median_at(metric, EMPTY).unwrap_or(0.0), self.seed)
    }

    /// All sizes, ascending.
    pub fn sizes(&self) -> Vec<usize> {
        let sizes: BTreeSet<usize> = self.ways.iter().flat_map(Way::sizes).collect();
        sizes.into_iter().collect()
    }

    /// Most repetitions that a size of a way has.
    pub fn repetitions(&self) -> usize {
        let count = |way: &Way, size| way.runs.iter().filter(|run| run.size == size).count();
        self.ways.iter().flat_map(|way| way.sizes().into_iter().map(|size| count(way, size))).max().unwrap_or(0)
    }
}

impl Way {
    fn sizes(&self) -> BTreeSet<usize> {
        self.runs.iter().map(|run| run.size).filter(|size| *size != EMPTY).collect()
    }

    /// The runs that did not end by themselves: how, and at which size.
    pub fn unfinished(&self) -> Option<(Ending, usize)> {
        self.runs.iter().find(|run| run.ending != Ending::Finished).map(|run| (run.ending, run.size))
    }

    /// All repetitions of a metric at a size. A run that did not finish has none.
    pub fn values(&self, metric: &str, size: usize) -> Vec<f64> {
        let finished = self.runs.iter().filter(|run| run.size == size && run.ending == Ending::Finished);
        finished.filter_map(|run| Some(run.metrics.get(metric)?.value)).collect()
    }

    /// The median of a metric at a size.
    pub fn median_at(&self, metric: &str, size: usize) -> Option<f64> {
        let mut values = self.values(metric, size);
        values.sort_by(f64::total_cmp);
        let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
        Some((low + high) / 2.0)
    }

    /// The points that an exponent is fitted through: sizes at which the metric was measured.
    pub fn points(&self, metric: &str) -> Vec<Point> {
        let point = |size: usize| Point { size: size as f64, values: self.values(metric, size) };
        self.sizes().into_iter().map(point).filter(|point| !point.values.is_empty()).collect()
    }
}
