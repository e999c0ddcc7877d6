//! What a metric is, and what change of it matters: for the metrics of every run, and for those of
//! one scenario.

use serde::{Deserialize, Serialize};

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Latency, CPU time, allocations.
    Lower,
    /// Throughput.
    Higher,
}

/// A metric that can be compared. A scenario lists its own counters and stopwatches in
/// `Scenario::metrics`, and may then name one of them as its primary metric.
///
/// ```
/// use lab_kit::Metric;
/// const IN_TIME: Metric = Metric::higher("files_in_time", "files", 0.05, "files read before their deadline").may_be_zero();
/// assert!(IN_TIME.is_count());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name in a recording: a counter's, or a stopwatch's with `_us`.
    pub name: &'static str,
    /// Its unit: `us`, `ms`, `kB`, `1/s`, or what is counted.
    pub unit: &'static str,
    /// Which way it gets better.
    pub better: Better,
    /// The equivalence margin, as a share: with 0.05 a change of up to 5 % does not matter.
    pub margin: f64,
    /// What it is, as it reads in a sentence.
    pub about: &'static str,
    /// Whether a good run may have none of it. Then half of one is added to both sides of a pair,
    /// which draws small counts towards each other; the report mentions it.
    pub may_be_zero: bool,
}

impl Metric {
    /// A metric that gets better as it falls.
    pub const fn lower(
        name: &'static str,
        unit: &'static str,
        margin: f64,
        about: &'static str,
    ) -> Metric {
        Metric { name, unit, better: Better::Lower, margin, about, may_be_zero: false }
    }

    /// A metric that gets better as it rises.
    pub const fn higher(
        name: &'static str,
        unit: &'static str,
        margin: f64,
        about: &'static str,
    ) -> Metric {
        Metric { better: Better::Higher, ..Metric::lower(name, unit, margin, about) }
    }

    /// Sets [`Metric::may_be_zero`].
    pub const fn may_be_zero(self) -> Metric {
        Metric { may_be_zero: true, ..self }
    }

    /// Whether it counts something instead of timing it. Other processes make times longer, and
    /// change no count.
    pub fn is_count(&self) -> bool {
        !matches!(self.unit, "us" | "ms" | "1/s")
    }
}
