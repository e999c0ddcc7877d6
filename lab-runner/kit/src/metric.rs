//! Metrics that can be compared: the metrics of every run, and those of one scenario.

use serde::{Deserialize, Serialize};

/// The direction in which a metric improves.
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
/// const IN_TIME: Metric = Metric::higher("files_in_time", "files", 0.05, "files read in time")
///     .may_be_zero()
///     .before_deadline();
/// assert!(IN_TIME.before_deadline);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The name in a recording: that of a counter, or that of a stopwatch with `_us`.
    pub name: &'static str,
    /// The unit: `us`, `ms`, `kB`, `1/s`, or the name of counted things.
    pub unit: &'static str,
    /// The direction in which it improves.
    pub better: Better,
    /// The equivalence margin, as a share: with 0.05 a change of up to 5 % does not matter.
    pub margin: f64,
    /// A short description, as a noun phrase for sentences.
    pub about: &'static str,
    /// Whether a good run may count zero. Then 0.5 is added to both sides of a pair, so that a
    /// ratio exists. This draws small counts towards each other; the report mentions it.
    pub may_be_zero: bool,
    /// Whether it counts what is done before a deadline. Other processes on the host change no
    /// other count; of this one a claim that fails beside them is undecided.
    pub before_deadline: bool,
}

impl Metric {
    /// A metric that improves as it falls.
    pub const fn lower(
        name: &'static str,
        unit: &'static str,
        margin: f64,
        about: &'static str,
    ) -> Metric {
        let (may_be_zero, before_deadline) = (false, false);
        Metric { name, unit, better: Better::Lower, margin, about, may_be_zero, before_deadline }
    }

    /// A metric that improves as it rises.
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

    /// Sets [`Metric::before_deadline`].
    pub const fn before_deadline(self) -> Metric {
        Metric { before_deadline: true, ..self }
    }
}
