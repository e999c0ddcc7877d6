//! The arrival schedule: the intended send time of each request.
//!
//! A pure function of arrival model, rate, seed, index and duration, without a clock. The pacer
//! follows this list whatever the service under test does. Formulas: constant `i / rate`; Poisson
//! by cumulative exponential gaps; a ramp by inverting its integrated rate
//! `N(t) = r₀t + (r₁ − r₀)t²/2T`; a step piecewise.

use lab_recording::{Arrivals, Load};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::time::Duration;

const NANOS: f64 = 1e9;

/// Intended send times of a load, in nanoseconds since its start: warm-up first, then the measured
/// time. The second value is the number of requests of the warm-up.
///
/// The warm-up has a constant rate (or Poisson arrivals), the first rate of the measured time, so
/// that a ramp does not start with a cold runtime.
pub fn of_load(load: &Load) -> (Vec<u64>, usize) {
    let (first_rate, _) = rates(load.arrivals, load.rate);
    let flat = match load.arrivals {
        Arrivals::Poisson => Arrivals::Poisson,
        _ => Arrivals::Constant,
    };
    let warmup =
        Schedule { arrivals: flat, rate: first_rate, span: load.warmup(), seed: !load.seed };
    let measured = Schedule {
        arrivals: load.arrivals,
        rate: load.rate,
        span: load.duration(),
        seed: load.seed,
    };
    let mut times: Vec<u64> = warmup.times().collect();
    let excluded = times.len();
    let offset = load.warmup().as_nanos() as u64;
    times.extend(measured.times().map(|t| t + offset));
    (times, excluded)
}

/// The arrivals within one time span.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The arrival model.
    pub arrivals: Arrivals,
    /// Mean requests per second over the span.
    pub rate: f64,
    /// Length of the span; no arrival is at or after its end.
    pub span: Duration,
    /// Seed of the gaps of Poisson arrivals; the other models ignore it.
    pub seed: u64,
}

impl Schedule {
    /// The arrivals in nanoseconds since the start of the span, ascending.
    pub fn times(self) -> impl Iterator<Item = u64> {
        let end = self.span.as_nanos() as u64;
        let arrival = self.arrival();
        (0..).map(arrival).map(|seconds| (seconds * NANOS) as u64).take_while(move |t| *t < end)
    }

    /// A function from index to seconds. It must be called with 0, 1, 2 and so on.
    fn arrival(self) -> Box<dyn FnMut(u64) -> f64> {
        let Schedule { arrivals, rate, seed, .. } = self;
        let span = self.span.as_secs_f64();
        let (r0, r1) = rates(arrivals, rate);
        match arrivals {
            Arrivals::Constant => Box::new(move |i| i as f64 / rate),
            Arrivals::Batch => Box::new(|_| f64::INFINITY),
            Arrivals::Poisson => Box::new(poisson(rate, seed)),
            Arrivals::Ramp(_) => Box::new(move |i| ramp(r0, r1, span, i as f64)),
            Arrivals::Step(_) => Box::new(move |i| step(r0, r1, span, i as f64)),
        }
    }
}

/// First and last rate of a model whose mean is `mean`.
fn rates(arrivals: Arrivals, mean: f64) -> (f64, f64) {
    match arrivals {
        Arrivals::Constant | Arrivals::Poisson | Arrivals::Batch => (mean, mean),
        Arrivals::Ramp(factor) | Arrivals::Step(factor) => {
            let first = 2.0 * mean / (1.0 + factor);
            (first, first * factor)
        }
    }
}

fn poisson(rate: f64, seed: u64) -> impl FnMut(u64) -> f64 {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut now = 0.0;
    move |_| {
        let uniform = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        now += -(1.0 - uniform).ln() / rate;
        now
    }
}

/// The time in seconds at which a linear ramp has sent `i` requests.
///
/// It solves `r₀t + (r₁ − r₀)t²/2T = i` with the root in the denominator. The textbook form
/// `(√(r₀² + 2si) − r₀) / s`, with the slope `s`, subtracts nearly equal numbers when the ramp is
/// flat and divides by zero when `s` is zero.
fn ramp(r0: f64, r1: f64, span: f64, i: f64) -> f64 {
    let slope = (r1 - r0) / span;
    let under_root = r0 * r0 + 2.0 * slope * i;
    if under_root < 0.0 {
        return f64::INFINITY; // a falling ramp never reaches `i`
    }
    2.0 * i / (r0 + under_root.sqrt())
}

fn step(r0: f64, r1: f64, span: f64, i: f64) -> f64 {
    let half = span / 2.0;
    let before = r0 * half;
    if i < before { i / r0 } else { half + (i - before) / r1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(arrivals: Arrivals, rate: f64, span: Duration, seed: u64) -> Vec<u64> {
        Schedule { arrivals, rate, span, seed }.times().collect()
    }

    #[test]
    fn constant_arrivals_keep_equal_gaps() {
        let times = times(Arrivals::Constant, 1_000.0, Duration::from_millis(5), 1);
        assert_eq!(times, [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]);
    }

    #[test]
    fn a_step_changes_its_gap_half_way() {
        let times = times(Arrivals::Step(3.0), 1_000.0, Duration::from_millis(8), 1);
        assert_eq!(times[..3], [0, 2_000_000, 4_000_000]);
        assert_eq!(times.len(), 8);
        assert_eq!(times[3] - times[2], 666_666);
    }

    #[test]
    fn a_ramp_thins_out_or_thickens() {
        let up = times(Arrivals::Ramp(4.0), 1_000.0, Duration::from_secs(1), 1);
        assert!(up[1] - up[0] > 2 * (up[999] - up[998]), "rising");
        let down = times(Arrivals::Ramp(0.25), 1_000.0, Duration::from_secs(1), 1);
        assert!(2 * (down[1] - down[0]) < down[999] - down[998], "falling");
    }

    #[test]
    fn poisson_gaps_scatter_as_much_as_their_mean() {
        let times = times(Arrivals::Poisson, 10_000.0, Duration::from_secs(10), 3);
        let gaps: Vec<f64> = times.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.02,
            "an exponential's deviation is its mean"
        );
    }

    #[test]
    fn warm_up_comes_first_and_is_counted() {
        let load = Load { warmup_ms: 100, duration_ms: 400, rate: 100.0, ..Load::DEFAULT };
        let (times, excluded) = of_load(&load);
        assert_eq!((times.len(), excluded), (50, 10));
        assert_eq!((times[9], times[10]), (90_000_000, 100_000_000));
    }

    fn any_arrivals() -> impl Strategy<Value = Arrivals> {
        prop_oneof![
            Just(Arrivals::Constant),
            Just(Arrivals::Poisson),
            (0.01..100.0).prop_map(Arrivals::Ramp),
            (0.01..100.0).prop_map(Arrivals::Step),
        ]
    }

    proptest! {
        #[test]
        fn sorted_inside_the_span_and_repeatable(
            arrivals in any_arrivals(), rate in 1.0..20_000.0, ms in 1u64..3_000, seed: u64,
        ) {
            let span = Duration::from_millis(ms);
            let first = times(arrivals, rate, span, seed);
            prop_assert!(first.is_sorted());
            prop_assert!(first.iter().all(|t| *t < span.as_nanos() as u64));
            prop_assert_eq!(first, times(arrivals, rate, span, seed));
        }

        #[test]
        fn as_many_as_the_mean_rate_says(
            arrivals in any_arrivals(), rate in 1.0..20_000.0, ms in 1u64..3_000, seed: u64,
        ) {
            let span = Duration::from_millis(ms);
            let count = times(arrivals, rate, span, seed).len() as f64;
            let mean = rate * span.as_secs_f64();
            // The deviation of a Poisson count is the root of its mean; six deviations occur once
            // in 500 million.
            let poisson = arrivals == Arrivals::Poisson;
            let slack = if poisson { 6.0 * mean.sqrt() + 6.0 } else { 1.0 + 1e-6 * mean };
            prop_assert!((count - mean).abs() <= slack, "{count} arrivals, {mean} expected");
        }

        #[test]
        fn another_seed_is_another_poisson_schedule(seed: u64) {
            let span = Duration::from_secs(1);
            prop_assert_ne!(
                times(Arrivals::Poisson, 100.0, span, seed),
                times(Arrivals::Poisson, 100.0, span, seed.wrapping_add(1))
            );
        }
    }
}
