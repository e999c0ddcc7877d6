//! The purpose of a run. A run has exactly one purpose, each with its own data.

use crate::profiler::Profiler;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};

/// The purpose of a run: how its numbers are used, and with which others they are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Purpose {
    /// A measurement of one variant under one load.
    #[default]
    Measure,
    /// The same measurement at a larger size, for claims on growth.
    Larger {
        /// The size divided by the plain one, at least 2.
        ratio: usize,
    },
    /// A point of a sweep over sizes.
    Sweep {
        /// Number of the repetition of this size, from 0.
        repetition: usize,
    },
    /// One of many trials with different seeds.
    Trial {
        /// Number of the trial, from 1.
        number: usize,
    },
    /// One side of a pair of a comparison.
    Pair(Pair),
    /// A profiled run, whose numbers appear in no table.
    Profile {
        /// The profiler.
        profiler: Profiler,
        /// The pair of a comparison that it explains.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pair: Option<Pair>,
        /// The size divided by that of the measured run: a small batch is too short to be profiled.
        ratio: usize,
    },
}

/// Position of a run in a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Number of the pair, from 1.
    pub number: usize,
    /// The side of the pair.
    pub side: Side,
    /// Name of the side's load, if the sides differ by load and not by variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The metrics to compare, the deciding one first; all known metrics if the list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
    /// Whether there are interim looks, after which more pairs may be added; each uses a part of
    /// the error probability.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interim: bool,
    /// Number of undisturbed pairs that were planned for the comparison or its interim look;
    /// disturbed pairs were replaced. Absent in a comparison of existing recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<usize>,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The baseline.
    A,
    /// The side that is compared with the baseline.
    B,
}

impl Purpose {
    /// The size of the run divided by the requested size.
    pub fn ratio(&self) -> usize {
        match self {
            Purpose::Larger { ratio } | Purpose::Profile { ratio, .. } => *ratio,
            _ => 1,
        }
    }

    /// The position in a comparison, also of a profiled run.
    pub fn pair(&self) -> Option<&Pair> {
        match self {
            Purpose::Pair(pair) => Some(pair),
            Purpose::Profile { pair, .. } => pair.as_ref(),
            _ => None,
        }
    }

    /// The number of the trial, from 1.
    pub fn trial(&self) -> Option<usize> {
        match self {
            Purpose::Trial { number } => Some(*number),
            _ => None,
        }
    }

    /// The profiler of the run.
    pub fn profiler(&self) -> Option<Profiler> {
        match self {
            Purpose::Profile { profiler, .. } => Some(*profiler),
            _ => None,
        }
    }

    /// Whether the run is a point of a sweep.
    pub fn is_sweep(&self) -> bool {
        matches!(self, Purpose::Sweep { .. })
    }
}

impl Spec {
    /// The side of a comparison that the run belongs to.
    pub fn side(&self) -> Option<Side> {
        self.purpose.pair().map(|pair| pair.side)
    }
}
