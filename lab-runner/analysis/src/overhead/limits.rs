//! Which conclusions exceed the profiling overhead. Each is compared with the upper end of the
//! overhead's interval. Where the overhead is unknown a conclusion stands, and the report says
//! that the overhead was not measured.

use crate::overhead::CostResult;
use crate::units::{percent, time_ms};
use lab_recording::profiler::Profiler;

/// The size of a conclusion, in the unit of the overhead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// A share of all waiting.
    Waiting(f64),
    /// Milliseconds of CPU time or of polls.
    Ms(f64),
}

/// The profiler and the size of a conclusion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestsOn {
    /// The profiler.
    pub profiler: Profiler,
    /// The size.
    pub size: Size,
}

/// Why a conclusion is below the overhead; none if it stands.
pub fn below_overhead(size: Size, cost: &CostResult) -> Option<String> {
    let cost = cost.as_ref().ok()?;
    let (is, limit, word): (f64, f64, fn(f64) -> String) = match size {
        Size::Waiting(share) => (share, cost.of_wall.high, percent),
        Size::Ms(ms) => (ms, cost.ms.high, time_ms),
    };
    (is < limit)
        .then(|| format!("{} is smaller than the profiling overhead, {}", word(is), word(limit)))
}

/// Views of CPU time; other views of time are of wall time.
const OF_CPU: [&str; 2] = ["cpu", "stall on-CPU"];

/// The smallest share of a view that exceeds the overhead; none if the overhead is unknown, or
/// if the view is not of time.
pub fn least_share(view: &str, unit: &str, cost: &CostResult) -> Option<f64> {
    let cost = cost.as_ref().ok()?;
    let share = if OF_CPU.contains(&view) { cost.share } else { cost.of_wall };
    (unit != "bytes").then_some(share.high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overhead::{Cost, Range};

    fn known() -> CostResult {
        let of_wall = Range { low: 0.02, mid: 0.03, high: 0.05 };
        let share = Range::exact(0.2);
        Ok(Cost {
            ms: Range { low: 20.0, mid: 30.0, high: 50.0 },
            share,
            of_wall,
            ..Cost::default()
        })
    }

    #[test]
    fn what_is_just_below_is_refused_and_what_is_just_above_stands() {
        for (below, above) in [
            (Size::Waiting(0.049_9), Size::Waiting(0.050_1)),
            (Size::Ms(49.9), Size::Ms(50.1)),
            (Size::Ms(0.0), Size::Ms(50.0)),
        ] {
            assert_eq!(below_overhead(above, &known()), None);
            assert!(
                below_overhead(below, &known())
                    .unwrap()
                    .contains("smaller than the profiling overhead"),
                "{below:?}"
            );
        }
        assert_eq!(
            below_overhead(Size::Waiting(0.04), &known()).unwrap(),
            "4.00 % is smaller than the profiling overhead, 5.00 %"
        );
    }

    #[test]
    fn where_the_price_is_not_known_it_stands() {
        let unknown = Err("the run was killed".to_owned());
        assert_eq!(below_overhead(Size::Ms(0.0), &unknown), None);
        assert_eq!(least_share("cpu", "samples", &unknown), None);
    }

    #[test]
    fn memory_is_no_time_and_cpu_time_is_another_than_what_passes() {
        assert_eq!(least_share("stall on-CPU", "ms", &known()), Some(0.2));
        assert_eq!(
            (
                least_share("alloc churn", "bytes", &known()),
                least_share("stall off-CPU", "ms", &known())
            ),
            (None, Some(0.05))
        );
    }
}
