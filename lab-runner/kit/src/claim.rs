//! Claims: statements of a variant, as data that is judged from recordings alone.

use lab_recording::{Ending, Load};
use std::fmt;

/// One statement of a variant: a sentence, a measure, and the bound of the measure.
///
/// ```
/// use lab_kit::Claim;
/// const WAITS: Claim =
///     Claim::ratio("requests wait far less than in the buggy variant", "wait_p99_us", "buggy")
///         .at_most(0.05);
/// assert_eq!(WAITS.to_string(), "wait_p99_us against buggy ≤ 0.05");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// The statement as a sentence, for reports: lower case, with a noun as its subject.
    pub says: &'static str,
    /// The measured value.
    pub measure: Measure,
    /// The bound of that value.
    pub bound: Bound,
    /// The loads at which the claim is judged.
    pub domain: Domain,
}

/// The loads at which a claim is judged, because its bound was chosen for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// Every load: for endings, and for counts that no load changes.
    Everywhere,
    /// Loads with as many workers as the scenario's own load, whose rate, size and duration differ
    /// from it by at most this ratio in either direction. The brief load of `lab verify` counts as
    /// one of the scenario's own.
    Within(f64),
}

impl Domain {
    /// The domain of a bound unless the claim names another ratio.
    pub const DEFAULT: Domain = Domain::Within(4.0);

    /// Whether a load is in the domain, for a scenario whose default load is `own` and whose
    /// measured time under `lab verify` is `brief_ms`.
    pub fn contains(self, load: &Load, own: &Load, brief_ms: u64) -> bool {
        let Domain::Within(ratio) = self else { return true };
        let near =
            |value: f64, least: f64, most: f64| value * ratio >= least && value <= most * ratio;
        let (shortest, longest) =
            (brief_ms.min(own.duration_ms) as f64, brief_ms.max(own.duration_ms) as f64);
        load.workers == own.workers
            && near(load.rate, own.rate, own.rate)
            && near(load.size as f64, own.size as f64, own.size as f64)
            && near(load.duration_ms as f64, shortest, longest)
    }
}

/// The value that a claim bounds. Metric names are those of a recording's analysis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// A metric of the variant's run, in the unit at the end of its name.
    Metric(&'static str),
    /// One metric of the run divided by another of the same run, which hardly depends on the host.
    Share {
        /// The numerator.
        metric: &'static str,
        /// The denominator, in the same unit.
        of: &'static str,
    },
    /// The run's metric divided by the same metric of another variant under the same load.
    Ratio {
        /// The metric on both sides.
        metric: &'static str,
        /// The variant in the denominator.
        over: &'static str,
    },
    /// The metric with the load's size multiplied by `factor`, divided by the metric at the plain
    /// size.
    Growth {
        /// The metric on both sides.
        metric: &'static str,
        /// The multiplier of the size, at least 2.
        factor: usize,
    },
    /// The exponent with which a metric grows with the size, over the sizes of a sweep: about 1 if
    /// it is linear, about 2 if it is quadratic. Its interval is judged, not its estimate.
    Exponent(&'static str),
    /// The same, in a sweep up to at least this size: a constant cost of each item hides a
    /// quadratic cost at small sizes.
    ExponentUpTo {
        /// The metric.
        metric: &'static str,
        /// The largest size of the sweep, or less.
        size: usize,
    },
    /// The run's metric divided by that of another variant, both at one size of a sweep.
    RatioAt {
        /// The metric on both sides.
        metric: &'static str,
        /// The variant in the denominator.
        over: &'static str,
        /// The size.
        size: usize,
    },
    /// The share of a profile that is in certain stacks.
    Stacks(Stacks),
    /// The ending of the run.
    Ending(Ending),
}

/// A share of stacks in one view of a profiler. Names are parts of demangled names: `serde_json`,
/// `my_crate::work`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stacks {
    /// The view, by its name: `cpu`, `stall off-CPU`.
    pub view: &'static str,
    /// The denominator: stacks that contain this name; all stacks if it is empty.
    pub among: &'static str,
    /// The numerator: those of them that contain all of these names.
    pub having: &'static [&'static str],
    /// The weight of the whole.
    pub whole: Whole,
}

/// The whole of a share of stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The weight of the view: its samples, its waiting time, its bytes.
    View,
    /// The wall time of the profiled run. A CPU profile of a run that waits has few samples: a
    /// share of them is uncertain, but it is certain that all of them are little time.
    WallTime,
}

/// The bound of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The value must not be smaller.
    AtLeast(f64),
    /// The value must not be larger.
    AtMost(f64),
    /// The value must be equal: for counts and endings.
    Equal(f64),
}

/// A claim without its bound: finish it with `at_least`, `at_most` or `equal`.
#[derive(Clone, Copy, Debug)]
#[must_use = "a claim needs a bound"]
pub struct Unbounded {
    says: &'static str,
    measure: Measure,
}

impl Claim {
    /// The other variant whose run the claim needs, if any.
    pub fn compares_with(&self) -> Option<&'static str> {
        match self.measure {
            Measure::Ratio { over, .. } | Measure::RatioAt { over, .. } => Some(over),
            _ => None,
        }
    }

    /// Starts a claim on [`Measure::Metric`].
    pub const fn metric(says: &'static str, metric: &'static str) -> Unbounded {
        Unbounded { says, measure: Measure::Metric(metric) }
    }

    /// Starts a claim on [`Measure::Share`].
    pub const fn share(says: &'static str, metric: &'static str, of: &'static str) -> Unbounded {
        Unbounded { says, measure: Measure::Share { metric, of } }
    }

    /// Starts a claim on [`Measure::Ratio`].
    pub const fn ratio(says: &'static str, metric: &'static str, over: &'static str) -> Unbounded {
        Unbounded { says, measure: Measure::Ratio { metric, over } }
    }

    /// Starts a claim on [`Measure::Growth`].
    pub const fn growth(says: &'static str, metric: &'static str, factor: usize) -> Unbounded {
        Unbounded { says, measure: Measure::Growth { metric, factor } }
    }

    /// Starts a claim on [`Measure::Exponent`].
    pub const fn exponent(says: &'static str, metric: &'static str) -> Unbounded {
        Unbounded { says, measure: Measure::Exponent(metric) }
    }

    /// Starts a claim on [`Measure::ExponentUpTo`].
    pub const fn exponent_up_to(
        says: &'static str,
        metric: &'static str,
        size: usize,
    ) -> Unbounded {
        Unbounded { says, measure: Measure::ExponentUpTo { metric, size } }
    }

    /// Starts a claim on [`Measure::RatioAt`].
    pub const fn ratio_at(
        says: &'static str,
        metric: &'static str,
        over: &'static str,
        size: usize,
    ) -> Unbounded {
        Unbounded { says, measure: Measure::RatioAt { metric, over, size } }
    }

    /// Starts a claim on [`Measure::Stacks`]: among the stacks of a view that contain the name
    /// `among`, the share that contains all names of `having`.
    pub const fn stacks(
        says: &'static str,
        view: &'static str,
        among: &'static str,
        having: &'static [&'static str],
    ) -> Unbounded {
        Unbounded {
            says,
            measure: Measure::Stacks(Stacks { view, among, having, whole: Whole::View }),
        }
    }

    /// Starts a claim on [`Measure::Stacks`]: the CPU time in stacks that contain all names of
    /// `having`, as a share of the wall time of the run.
    pub const fn cpu_time(says: &'static str, having: &'static [&'static str]) -> Unbounded {
        Unbounded {
            says,
            measure: Measure::Stacks(Stacks {
                view: "cpu",
                among: "",
                having,
                whole: Whole::WallTime,
            }),
        }
    }

    /// Judges the claim within this ratio of the scenario's own load, instead of
    /// [`Domain::DEFAULT`].
    pub const fn within(self, ratio: f64) -> Claim {
        Claim { domain: Domain::Within(ratio), ..self }
    }

    /// Judges the claim at every load.
    pub const fn everywhere(self) -> Claim {
        Claim { domain: Domain::Everywhere, ..self }
    }

    /// A claim on the ending of the run.
    pub const fn ending(says: &'static str, ending: Ending) -> Claim {
        Claim {
            says,
            measure: Measure::Ending(ending),
            bound: Bound::Equal(1.0),
            domain: Domain::Everywhere,
        }
    }
}

impl Unbounded {
    /// The value must be `bound` or more.
    pub const fn at_least(self, bound: f64) -> Claim {
        self.with(Bound::AtLeast(bound), Domain::DEFAULT)
    }

    /// The value must be `bound` or less.
    pub const fn at_most(self, bound: f64) -> Claim {
        self.with(Bound::AtMost(bound), Domain::DEFAULT)
    }

    /// The value must be `bound`, at every load: an exact count does not depend on the load.
    pub const fn equal(self, bound: f64) -> Claim {
        self.with(Bound::Equal(bound), Domain::Everywhere)
    }

    const fn with(self, bound: Bound, domain: Domain) -> Claim {
        Claim { says: self.says, measure: self.measure, bound, domain }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Measure::Metric(metric) => write!(f, "{metric}"),
            Measure::Share { metric, of } => write!(f, "{metric} / {of}"),
            Measure::Ratio { metric, over } => write!(f, "{metric} against {over}"),
            Measure::Growth { metric, factor } => write!(f, "{metric} at {factor} × the size"),
            Measure::Exponent(metric) => write!(f, "exponent of {metric}"),
            Measure::ExponentUpTo { metric, size } => {
                write!(f, "exponent of {metric} up to size {size}")
            }
            Measure::RatioAt { metric, over, size } => {
                write!(f, "{metric} against {over} at size {size}")
            }
            Measure::Stacks(stacks) => {
                let among = if stacks.among.is_empty() {
                    String::new()
                } else {
                    format!(" of {}", stacks.among)
                };
                let whole = if stacks.whole == Whole::WallTime { " / wall time" } else { "" };
                write!(f, "{}{among} in {}{whole}", stacks.view, stacks.having.join(" and "))
            }
            Measure::Ending(ending) => write!(f, "ending {ending}"),
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.measure, Measure::Ending(_)) {
            return self.measure.fmt(f);
        }
        match self.bound {
            Bound::AtLeast(bound) => write!(f, "{} ≥ {bound}", self.measure),
            Bound::AtMost(bound) => write!(f, "{} ≤ {bound}", self.measure),
            Bound::Equal(bound) => write!(f, "{} = {bound}", self.measure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_judged_near_its_own_load_and_an_exact_count_everywhere() {
        let own = Load { rate: 2_000.0, size: 16_000, duration_ms: 3_000, ..Load::DEFAULT };
        let bound = Claim::metric("", "wait_p99_us").at_most(5.0).domain;
        let holds = |load: &Load| bound.contains(load, &own, 1_000);
        assert!(holds(&own) && holds(&Load { rate: 1_000.0, duration_ms: 500, ..own.clone() }));
        let elsewhere = [
            Load { rate: 1.0, ..own.clone() },
            Load { size: 2_000, ..own.clone() },
            Load { duration_ms: 60_000, ..own.clone() },
            Load { workers: 2, ..own.clone() },
        ];
        for load in elsewhere {
            assert!(!holds(&load), "{load:?}");
            assert!(Claim::ending("", Ending::Finished).domain.contains(&load, &own, 1_000));
            assert!(Claim::metric("", "lost").equal(0.0).domain.contains(&load, &own, 1_000));
        }
        let wide = Claim::metric("", "wait_p99_us").at_most(5.0).within(2_000.0).domain;
        assert!(wide.contains(&Load { rate: 1.0, ..own.clone() }, &own, 1_000));
    }

    #[test]
    fn a_batch_has_no_rate_and_no_duration_to_differ_in() {
        let domain = Claim::metric("", "polls_per_op").at_most(3.0).domain;
        assert!(domain.contains(&Load { size: 5_000, ..Load::BATCH }, &Load::BATCH, 0));
        assert!(!domain.contains(&Load { size: 100, ..Load::BATCH }, &Load::BATCH, 0));
    }
}
