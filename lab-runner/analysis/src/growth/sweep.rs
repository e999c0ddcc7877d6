//! The runs of a sweep, by variant and size: the points through which an exponent is fitted.

use crate::growth::{self, Growth, Point};
use crate::host::disturbed;
use crate::requests::{Analysis, Reading};
use crate::stats::median;
use lab_recording::{Ending, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// All variants of a sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// In the order of the scenario's variants, as far as that is known.
    pub variants: Vec<SweptVariant>,
    /// The seed of the bootstrap.
    seed: u64,
}

/// One variant at many sizes.
#[derive(Clone, Debug)]
pub struct SweptVariant {
    /// The variant.
    pub variant: String,
    /// Its kind.
    pub kind: Kind,
    runs: Vec<SweptRun>,
}

/// One run of a swept variant.
#[derive(Clone, Debug)]
struct SweptRun {
    size: usize,
    ending: Ending,
    metrics: BTreeMap<String, Reading>,
    /// What others took from the host meanwhile.
    disturbance: Option<String>,
}

/// The size of the run that shows what an empty run costs.
const EMPTY: usize = 1;

impl SweptVariant {
    /// What others took from the host during one of its runs, if that was noticed: times of it may
    /// be longer than they are.
    pub fn disturbance(&self) -> Option<String> {
        self.runs.iter().find_map(|run| run.disturbance.clone())
    }
}

impl Sweep {
    /// Sorts the runs of a sweep; nothing if there is none among them.
    pub fn from_runs(runs: &[Analysis]) -> Option<Sweep> {
        let mut variants: Vec<SweptVariant> = Vec::new();
        let of_a_sweep = |run: &&Analysis| run.recording.spec.purpose.is_sweep();
        for run in runs.iter().filter(of_a_sweep) {
            let spec = &run.recording.spec;
            let one = SweptRun {
                size: spec.load.size,
                ending: run.recording.outcome.ending,
                metrics: run.metrics.clone(),
                disturbance: disturbed(run),
            };
            match variants.iter_mut().find(|variant| variant.variant == spec.variant) {
                Some(variant) => variant.runs.push(one),
                None => variants.push(SweptVariant {
                    variant: spec.variant.clone(),
                    kind: spec.kind,
                    runs: vec![one],
                }),
            }
        }
        let first = runs.iter().find(of_a_sweep)?;
        Some(Sweep { variants, seed: first.recording.spec.load.seed })
    }

    /// Sorts the variants in the order of their scenario.
    pub fn sort_by(&mut self, place: impl Fn(&str) -> Option<usize>) {
        self.variants.sort_by_key(|variant| place(&variant.variant).unwrap_or(usize::MAX));
    }

    /// The largest size at which every variant has this metric.
    pub fn largest_of_all(&self, metric: &str) -> Option<usize> {
        let by_all = |size: &usize| {
            self.variants.iter().all(|variant| variant.median_at(metric, *size).is_some())
        };
        self.sizes().into_iter().rev().find(by_all)
    }

    /// The variant of this name.
    pub fn variant(&self, name: &str) -> Option<&SweptVariant> {
        self.variants.iter().find(|swept| swept.variant == name)
    }

    /// The growth of a metric of a variant.
    ///
    /// # Errors
    /// Why there is no exponent.
    pub fn growth(&self, variant: &SweptVariant, metric: &str) -> Result<Growth, String> {
        growth::fit(
            &variant.points(metric),
            variant.median_at(metric, EMPTY).unwrap_or(0.0),
            self.seed,
        )
    }

    /// All sizes, ascending.
    pub fn sizes(&self) -> Vec<usize> {
        let sizes: BTreeSet<usize> = self.variants.iter().flat_map(SweptVariant::sizes).collect();
        sizes.into_iter().collect()
    }

    /// Most repetitions that a size of a variant has.
    pub fn repetitions(&self) -> usize {
        let count = |variant: &SweptVariant, size| {
            variant.runs.iter().filter(|run| run.size == size).count()
        };
        self.variants
            .iter()
            .flat_map(|variant| variant.sizes().into_iter().map(|size| count(variant, size)))
            .max()
            .unwrap_or(0)
    }
}

impl SweptVariant {
    fn sizes(&self) -> BTreeSet<usize> {
        self.runs.iter().map(|run| run.size).filter(|size| *size != EMPTY).collect()
    }

    /// The runs that did not finish: ending and size.
    pub fn unfinished(&self) -> Option<(Ending, usize)> {
        self.runs
            .iter()
            .find(|run| run.ending != Ending::Finished)
            .map(|run| (run.ending, run.size))
    }

    /// All repetitions of a metric at a size. A run that did not finish has none.
    pub fn values(&self, metric: &str, size: usize) -> Vec<f64> {
        let finished =
            self.runs.iter().filter(|run| run.size == size && run.ending == Ending::Finished);
        finished.filter_map(|run| Some(run.metrics.get(metric)?.value)).collect()
    }

    /// The median of a metric at a size.
    pub fn median_at(&self, metric: &str, size: usize) -> Option<f64> {
        let values = self.values(metric, size);
        (!values.is_empty()).then(|| median(values))
    }

    /// The points that an exponent is fitted through: sizes at which the metric was measured.
    pub fn points(&self, metric: &str) -> Vec<Point> {
        let point = |size: usize| Point { size: size as f64, values: self.values(metric, size) };
        self.sizes().into_iter().map(point).filter(|point| !point.values.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(size: usize, ending: Ending, polls: f64) -> SweptRun {
        SweptRun {
            size,
            ending,
            metrics: [("child_polls".to_owned(), Reading::exact(polls))].into(),
            disturbance: None,
        }
    }

    fn variant(variant: &str, runs: Vec<SweptRun>) -> SweptVariant {
        SweptVariant { variant: variant.into(), kind: Kind::Fix, runs }
    }

    /// Three repetitions of each of six sizes, and an empty run that costs 5.
    fn square() -> SweptVariant {
        let sizes = (0..6).map(|power| 100usize << power);
        let polls = |size: usize| (size * size) as f64 + 5.0;
        let runs =
            sizes.flat_map(|size| (0..3).map(move |_| one(size, Ending::Finished, polls(size))));
        variant("square", runs.chain([one(EMPTY, Ending::Finished, 5.0)]).collect())
    }

    #[test]
    fn an_exponent_is_fitted_through_what_an_empty_run_leaves() {
        let sweep = Sweep { variants: vec![square()], seed: 7 };
        let growth = sweep.growth(&sweep.variants[0], "child_polls").unwrap();
        assert!((growth.exponent - 2.0).abs() < 1e-9, "{growth:?}");
        assert_eq!((sweep.sizes().len(), sweep.repetitions()), (6, 3), "the empty run is no size");
        assert!(sweep.growth(&sweep.variants[0], "cpu_ms").is_err(), "that was not measured");
    }

    #[test]
    fn a_run_that_did_not_finish_has_no_cost_and_is_told() {
        let cut = variant(
            "cut",
            vec![
                one(10, Ending::Finished, 4.0),
                one(10, Ending::Hung, 9.0),
                one(20, Ending::Hung, 9.0),
            ],
        );
        assert_eq!(
            (cut.values("child_polls", 10), cut.median_at("child_polls", 20)),
            (vec![4.0], None)
        );
        assert_eq!(cut.unfinished(), Some((Ending::Hung, 10)));
        let sweep = Sweep {
            variants: vec![
                cut,
                variant(
                    "whole",
                    vec![one(10, Ending::Finished, 1.0), one(20, Ending::Finished, 2.0)],
                ),
            ],
            seed: 7,
        };
        assert_eq!(
            sweep.largest_of_all("child_polls"),
            Some(10),
            "the largest that all of them managed"
        );
    }

    #[test]
    fn a_median_of_two_lies_between_them() {
        let two =
            variant("two", vec![one(10, Ending::Finished, 2.0), one(10, Ending::Finished, 4.0)]);
        assert_eq!(two.median_at("child_polls", 10), Some(3.0));
    }

    #[test]
    fn ways_follow_the_order_of_their_scenario() {
        let mut sweep = Sweep {
            variants: vec![variant("stranger", vec![]), variant("b", vec![]), variant("a", vec![])],
            seed: 7,
        };
        sweep.sort_by(|name| ["a", "b"].iter().position(|known| *known == name));
        let names: Vec<&str> =
            sweep.variants.iter().map(|variant| variant.variant.as_str()).collect();
        assert_eq!(names, ["a", "b", "stranger"]);
    }
}
