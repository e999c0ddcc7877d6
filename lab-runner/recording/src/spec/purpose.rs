//! What a run is for. A run has exactly one purpose, and each carries what only it needs.

use crate::profiler::Profiler;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};

/// What a run is for: what becomes of its numbers, and beside which others they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Purpose {
    /// It measures one variant under the load that was asked for.
    #[default]
    Measure,
    /// It measures the same at a larger size, for claims on growth.
    Larger {
        /// Its size divided by the plain one, at least 2.
        ratio: usize,
    },
    /// It is a point of a sweep over sizes.
    Sweep {
        /// Which repetition of its size it is, from 0.
        repetition: usize,
    },
    /// It is one of many trials with different seeds.
    Trial {
        /// Which of them, from 1.
        number: usize,
    },
    /// It is one side of a pair of a comparison.
    Pair(Pair),
    /// A profiler looks into it. No number of a table comes from such a run.
    Profile {
        /// The profiler.
        profiler: Profiler,
        /// The pair of a comparison that it explains.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pair: Option<Pair>,
        /// Its size divided by that of the measured run: a small batch is over before a profiler
        /// sees it.
        ratio: usize,
    },
}

/// A run's place in a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Which pair it belongs to, from 1.
    pub number: usize,
    /// Which side of the pair it is.
    pub side: Side,
    /// What distinguishes the side if not its variant: the load that it is put under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The metrics to compare, the one that decides first; all that are known if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
    /// Whether interim looks at the pairs so far may add more, which costs every look a part of the
    /// error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interim: bool,
    /// Undisturbed pairs that the comparison, or its interim look, was to reach: more were run
    /// where others took too much of the host. Absent where pairs were made of recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<usize>,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before.
    A,
    /// After.
    B,
}

impl Purpose {
    /// The size of the run divided by the size that was asked for.
    pub fn ratio(&self) -> usize {
        match self {
            Purpose::Larger { ratio } | Purpose::Profile { ratio, .. } => *ratio,
            _ => 1,
        }
    }

    /// The place in a comparison, also of a run under a profiler.
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

    /// The profiler that looks into the run.
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
