//! The comparison of side A with side B: from pairs of values to a ratio, an interval and a
//! verdict. Pure.
//!
//! The unit is the pair, one run of A and one of B back to back, never the request. Requests of
//! one run share its conditions: a test that treats them as independent finds differences
//! between a variant and itself, the more often the more requests there are.

pub mod metrics;
pub mod paired;
pub mod recorded;
pub mod verdict;

#[cfg(test)]
mod tests {
    use crate::comparison::verdict::{
        Better, Change, InterimLook, POCOCK, Side, judge, log_ratios,
    };
    use crate::stats::estimate::{Estimate, estimate};
    use crate::stats::signed_rank::confidence;
    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};
    use statrs::distribution::{ContinuousCDF, Laplace, Normal};

    const EXPERIMENTS: usize = 2_000;

    fn normal() -> Normal {
        Normal::new(0.0, 0.1).unwrap()
    }

    fn laplace() -> Laplace {
        Laplace::new(0.0, 0.1).unwrap()
    }

    /// Log ratios of a variant against itself, as many experiments as wanted.
    fn nothing_changed(
        noise: impl ContinuousCDF<f64, f64>,
        pairs: usize,
        seed: u64,
    ) -> impl Iterator<Item = Vec<f64>> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        // Halves keep clear of 0 and 1, where a quantile is infinite.
        let mut even = move || ((rng.next_u64() >> 11) as f64 + 0.5) / 2.0_f64.powi(53);
        std::iter::repeat_with(move || (0..pairs).map(|_| noise.inverse_cdf(even())).collect())
    }

    fn share(hits: impl Iterator<Item = bool>) -> f64 {
        let (hits, all) =
            hits.fold((0.0, 0.0), |(hits, all), hit| (hits + f64::from(u8::from(hit)), all + 1.0));
        hits / all
    }

    fn holds_one(of: &Estimate) -> bool {
        of.low <= 1.0 && 1.0 <= of.high
    }

    /// The interval is exact for whatever is symmetric, so not even caution may move it from its
    /// level. Each noise has its own seed: only signs and ranks count, so from the same draws both
    /// would give the same.
    fn assert_covered(noise: impl ContinuousCDF<f64, f64>, seed: u64, pairs: usize, k: usize) {
        let experiments = nothing_changed(noise, pairs, seed).take(EXPERIMENTS);
        let covered = share(experiments.map(|ratios| holds_one(&estimate(&ratios, 0.05).unwrap())));
        assert!((covered - confidence(pairs, k)).abs() <= 0.01, "{covered} at {pairs} pairs");
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        for (pairs, k) in [(8, 3), (16, 29)] {
            assert_covered(normal(), 1, pairs, k);
            assert_covered(laplace(), 2, pairs, k);
        }
    }

    #[test]
    fn of_all_signs_that_eight_pairs_can_have_ten_in_256_are_missed() {
        let sizes = [0.013, 0.11, 0.17, 0.29, 0.37, 0.53, 0.71, 1.3];
        let signed = |signs: usize| {
            [0, 1, 2, 3, 4, 5, 6, 7].map(|i| if signs >> i & 1 == 1 { sizes[i] } else { -sizes[i] })
        };
        let held =
            (0..256).filter(|signs| holds_one(&estimate(&signed(*signs), 0.05).unwrap())).count();
        assert_eq!(held, 246);
    }

    /// The share of A/A comparisons with a verdict at one of the interim looks, if any
    /// change matters.
    fn false_alarms(noise: impl ContinuousCDF<f64, f64>, seed: u64, looks: &[InterimLook]) -> f64 {
        let pairs = looks.iter().map(|look| look.pairs).max().unwrap();
        let alarm = |ratios: &[f64], look: &InterimLook| {
            let of = estimate(&ratios[..look.pairs], look.alpha).unwrap();
            matches!(
                judge(of.low, of.high, 0.0, Better::Lower),
                Change::Improved | Change::Regressed
            )
        };
        let experiments = nothing_changed(noise, pairs, seed).take(4 * EXPERIMENTS);
        share(experiments.map(|ratios| looks.iter().any(|look| alarm(&ratios, look))))
    }

    fn assert_hardly_ever_alarms(looks: &[InterimLook]) {
        let alarms = [false_alarms(normal(), 3, looks), false_alarms(laplace(), 4, looks)];
        assert!(alarms.iter().all(|share| *share <= 0.05), "{alarms:?} with {looks:?}");
    }

    #[test]
    fn one_look_at_a_variant_against_itself_alarms_in_a_twentieth_at_most() {
        assert_hardly_ever_alarms(&[InterimLook { pairs: 8, alpha: 0.05 }]);
        assert_hardly_ever_alarms(&[InterimLook { pairs: 16, alpha: 0.05 }]);
    }

    #[test]
    fn three_looks_alarm_in_a_twentieth_at_most_but_only_thanks_to_pocock() {
        assert_hardly_ever_alarms(&POCOCK);
        let careless =
            false_alarms(normal(), 3, &POCOCK.map(|look| InterimLook { alpha: 0.05, ..look }));
        assert!(careless > 0.07, "{careless} without the correction");
    }

    /// How often a rank-sum test on the requests of one run of each side finds a difference at 5 %
    /// where there is none, if log latencies scatter by 0.5 within a run and by `between` from run
    /// to run.
    fn rank_sum_alarms(between: f64, requests: f64) -> f64 {
        let shift = 0.282 * (6.0 * requests).sqrt() * between * 2.0_f64.sqrt() / 0.5;
        let standard = Normal::standard();
        2.0 * standard.cdf(standard.inverse_cdf(0.025) / (1.0 + shift * shift).sqrt())
    }

    #[test]
    fn a_test_on_requests_finds_changes_that_are_not_there() {
        let table =
            [(0.01, [14.0, 50.0, 82.0]), (0.02, [33.0, 73.0, 91.0]), (0.05, [66.0, 89.0, 96.0])];
        for (between, percents) in table {
            let alarms = [2e3, 2e4, 2e5]
                .map(|requests| (100.0 * rank_sum_alarms(between, requests)).round());
            assert_eq!(alarms, percents, "{between} from run to run");
        }
    }

    /// Below, at and above the measured value: what a bound may be, as factors.
    fn side() -> impl Strategy<Value = Side> {
        let below = prop_oneof![Just(1.0), Just(0.0), 0.1..1.0];
        let above = prop_oneof![Just(1.0), Just(f64::INFINITY), 1.0..9.0];
        (0.1..10.0, below, above).prop_map(|(value, b, a)| Side {
            value,
            low: value * b,
            high: value * a,
        })
    }

    fn estimated(pairs: &[(Side, Side)]) -> Estimate {
        log_ratios(pairs).unwrap().estimate(0.05).unwrap()
    }

    proptest! {
        #[test]
        fn the_interval_holds_what_any_truth_within_the_bounds_would_give(
            pairs in vec((side(), side()), 6..20), share in 0.0..1.0,
        ) {
            let of = estimated(&pairs);
            let truth = |side: &Side| side.low.max(1e-6) * (1.0 - share) + side.high.min(1e6) * share;
            let truths: Vec<_> = pairs.iter().map(|(a, b)| (Side::exact(truth(a)), Side::exact(truth(b)))).collect();
            let true_one = estimated(&truths);
            let (down, up) = (1.0 - 1e-9, 1.0 + 1e-9);
            prop_assert!(of.low * down <= true_one.low && true_one.high <= of.high * up, "{of:?} {true_one:?}");
            prop_assert!(of.low <= of.ratio && of.ratio <= of.high);
        }

        #[test]
        fn swapping_a_and_b_swaps_the_verdict(pairs in vec((side(), side()), 6..20)) {
            let swapped: Vec<_> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
            let (of, back) = (estimated(&pairs), estimated(&swapped));
            prop_assert_eq!(judge(of.low, of.high, 0.05, Better::Lower), judge(back.low, back.high, 0.05, Better::Higher));
        }
    }
}
