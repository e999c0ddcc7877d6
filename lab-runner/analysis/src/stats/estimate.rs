//! By what factor B differs from A, and how sure that is: Hodges-Lehmann on the log ratios of the
//! pairs.
//!
//! One wild pair cannot tilt it, and nothing has to be normal. Its interval is exact if the log
//! ratios are symmetric where nothing changed, and that is what the random order inside each pair
//! is for.

use crate::stats::signed_rank::{confidence, critical_k, fewest_pairs};
use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::statistics::Statistics;

/// A ratio B/A with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The factor from A to B: the median of the Walsh averages of the log ratios, exponentiated.
    pub ratio: f64,
    /// Lower end of the ratio's interval; 0 if unknown.
    pub low: f64,
    /// Upper end of the ratio's interval; infinite if unknown.
    pub high: f64,
    /// The confidence level of both intervals, in 0..=1: the requested one or more, because
    /// a rank sum is
    /// a whole number.
    pub level: f64,
    /// Student's interval of the same factor at the same level, the cross-check; 0 to infinity
    /// where bounds are compared, of which it can say nothing.
    pub t: (f64, f64),
    /// Standard deviation of the log ratios.
    pub sd: f64,
    /// Pairs that it comes from.
    pub pairs: usize,
}

/// Estimates the factor from A to B from one log ratio per pair, `ln(B/A)`, so that the interval
/// misses the truth in at most `alpha` of all cases. The pairs may come in any order.
///
/// # Errors
/// Why there is no estimate, as a lowercase sentence: too few pairs for this level, a log ratio
/// that is not finite, an alpha that is not between 0 and 1.
pub fn estimate(log_ratios: &[f64], alpha: f64) -> Result<Estimate, String> {
    if let Some(odd) = log_ratios.iter().find(|ratio| !ratio.is_finite()) {
        return Err(format!("a log ratio of {odd} cannot be estimated from"));
    }
    let pairs = log_ratios.len();
    let k = cut_off(pairs, alpha)?;
    let level = confidence(pairs, k);
    let averages = walsh_averages(log_ratios);
    let (low, high) = ends(&averages, k);
    let (low, high) = (low.exp(), high.exp());
    let (t, sd) = student(log_ratios, level);
    Ok(Estimate { ratio: median(&averages).exp(), low, high, level, t, sd, pairs })
}

/// The interval alone, of log ratios that may be infinite: those that are push its ends out as far
/// as they can.
pub fn interval(log_ratios: &[f64], alpha: f64) -> Result<(f64, f64), String> {
    let k = cut_off(log_ratios.len(), alpha)?;
    let (low, high) = ends(&walsh_averages(log_ratios), k);
    Ok((low.exp(), high.exp()))
}

/// A difference B-A with its interval, in the unit of what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The difference of B and A: the median of the Walsh averages of the differences.
    pub by: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// The confidence level of the interval, in 0..=1: the requested one or more.
    pub level: f64,
    /// Pairs that it comes from.
    pub pairs: usize,
}

/// Estimates what B adds to A from one difference per pair, `B-A`: for costs that add up, where a
/// factor would say more about A than about what was added. Symmetry is needed of the differences
/// here, and the rest is as in [`estimate`].
///
/// # Errors
/// Why there is no estimate, as a lowercase sentence: too few pairs for this level, a difference
/// that is not finite, an alpha that is not between 0 and 1.
pub fn shift(differences: &[f64], alpha: f64) -> Result<Shift, String> {
    if let Some(odd) = differences.iter().find(|difference| !difference.is_finite()) {
        return Err(format!("a difference of {odd} cannot be estimated from"));
    }
    let pairs = differences.len();
    let k = cut_off(pairs, alpha)?;
    let averages = walsh_averages(differences);
    let (low, high) = ends(&averages, k);
    Ok(Shift { by: median(&averages), low, high, level: confidence(pairs, k), pairs })
}

fn cut_off(pairs: usize, alpha: f64) -> Result<usize, String> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(format!(
            "an interval errs in more than 0 and less than 1 of all cases, not in {alpha}"
        ));
    }
    critical_k(pairs, alpha).ok_or_else(|| {
        let (percent, fewest) = ((1e6 * (1.0 - alpha)).round() / 1e4, fewest_pairs(alpha));
        let plural = if pairs == 1 { "" } else { "s" };
        format!(
            "{pairs} pair{plural} cannot reach a confidence of {percent} %: {fewest} are the \
                 fewest that can"
        )
    })
}

/// The averages of every two pairs and of each with itself, smallest first.
fn walsh_averages(pairs: &[f64]) -> Vec<f64> {
    let with_the_rest =
        |i: usize| pairs[i..].iter().map(move |later| f64::midpoint(pairs[i], *later));
    let mut averages: Vec<f64> = (0..pairs.len()).flat_map(with_the_rest).collect();
    averages.sort_by(f64::total_cmp);
    averages
}

/// Those at ranks k+1 and M-k of the M averages.
fn ends(averages: &[f64], k: usize) -> (f64, f64) {
    (averages[k], averages[averages.len() - 1 - k])
}

fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

/// Student's interval of the factor, and the standard deviation of the log ratios.
fn student(log_ratios: &[f64], level: f64) -> ((f64, f64), f64) {
    // A sum depends on its order in the last digits, and the pairs' order must not show.
    let mut sorted = log_ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (mean, sd) = ((&sorted).mean(), (&sorted).std_dev());
    let half =
        quantile(sorted.len(), f64::midpoint(1.0, level)) * sd / (sorted.len() as f64).sqrt();
    (((mean - half).exp(), (mean + half).exp()), sd)
}

/// A quantile of Student's distribution for the mean of so many pairs, two at least.
pub fn quantile(pairs: usize, q: f64) -> f64 {
    let freedom = (pairs - 1) as f64;
    StudentsT::new(0.0, 1.0, freedom).expect("two pairs have a degree of freedom").inverse_cdf(q)
}

/// `ln(b/a)`: how much larger B is. `None` unless both are positive and finite.
pub fn log_ratio(a: f64, b: f64) -> Option<f64> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    // A difference, for a quotient may overflow, and swapped its logarithm is another in the last
    // digit.
    (positive(a) && positive(b)).then(|| b.ln() - a.ln())
}

/// `ln((b+0.5)/(a+0.5))`, of totals that may be zero. `None` if one is negative or not finite.
///
/// Small counts are drawn towards each other by this: 0 against 10 is a factor of 21. Say so where
/// it is shown.
pub fn log_ratio_of_counts(a: f64, b: f64) -> Option<f64> {
    let counted = a >= 0.0 && b >= 0.0;
    counted.then(|| log_ratio(a + 0.5, b + 0.5)).flatten()
}

/// The smallest change that so many pairs see in 80 % of all cases at a two-sided alpha of 0.05, as
/// a factor - 1: `exp((t.975 + t.80) * sd / sqrt(pairs)) - 1`, Student's t at `pairs - 1` degrees
/// of freedom.
///
/// `sd` is that of the log ratio of one pair. Infinite for fewer than two pairs.
pub fn detectable(sd: f64, pairs: usize) -> f64 {
    if pairs < 2 {
        return f64::INFINITY;
    }
    ((quantile(pairs, 0.975) + quantile(pairs, 0.80)) * sd / (pairs as f64).sqrt()).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn assert_close(values: &[f64], expected: &[f64], tolerance: f64) {
        let close = values
            .iter()
            .zip(expected)
            .all(|(value, expected)| (value / expected - 1.0).abs() <= tolerance);
        assert!(close && values.len() == expected.len(), "{values:?} is not {expected:?}");
    }

    /// Ratio, both intervals.
    fn factors(of: &Estimate) -> [f64; 5] {
        [of.ratio, of.low, of.high, of.t.0, of.t.1]
    }

    fn swapped(log_ratios: &[f64]) -> Vec<f64> {
        log_ratios.iter().map(|ratio| -ratio).collect()
    }

    #[test]
    #[expect(clippy::approx_constant, reason = "a patient's score of 3.14 is not pi")]
    fn the_textbooks_nine_patients_come_out_as_published() {
        // Hollander and Wolfe, Nonparametric Statistical Methods, examples 3.3 and 3.4.
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> =
            before.iter().zip(after).map(|(before, after)| after - before).collect();
        let of = estimate(&differences, 0.05).unwrap();
        assert_close(&[of.ratio.ln(), of.low.ln(), of.high.ln()], &[-0.46, -0.786, -0.010], 1e-9);
        assert_close(&[of.level, of.sd], &[0.961, 0.426_855], 1e-4);
        assert_eq!(of.pairs, 9);
    }

    #[test]
    fn the_cross_check_is_students_interval_at_the_same_level() {
        let of = estimate(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.05).unwrap();
        // 0.35 +- t.984375 * sd / sqrt(6), five degrees of freedom.
        let half = 2.968_7 * 0.187_083 / 6.0_f64.sqrt();
        assert_close(&[of.t.0.ln(), of.t.1.ln()], &[0.35 - half, 0.35 + half], 1e-3);
        assert_close(&[of.low.ln(), of.high.ln(), of.level], &[0.1, 0.6, 0.96875], 1e-9);
    }

    #[test]
    fn students_quantiles_are_the_tables() {
        for (pairs, at_975, at_80) in
            [(2, 12.706_2, 1.376_4), (6, 2.570_6, 0.919_5), (31, 2.042_3, 0.853_8)]
        {
            assert_close(&[quantile(pairs, 0.975), quantile(pairs, 0.80)], &[at_975, at_80], 5e-5);
        }
    }

    #[test]
    fn what_did_not_vary_has_an_interval_without_width() {
        let of = estimate(&[log_ratio(7.0, 7.0).unwrap(); 6], 0.05).unwrap();
        assert_eq!((factors(&of), of.sd), ([1.0; 5], 0.0));
    }

    #[test]
    fn one_wild_pair_of_eight_tilts_the_cross_check_only() {
        let mut ratios = [0.10, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17];
        ratios[7] = 10.0;
        let of = estimate(&ratios, 0.05).unwrap();
        assert!(of.ratio < 1.16 && of.low > 1.0 && of.t.0 < 1.0, "{of:?}");
    }

    #[test]
    fn what_cannot_be_estimated_is_refused_with_a_reason() {
        let refused = |ratios: &[f64], alpha| estimate(ratios, alpha).unwrap_err();
        assert_eq!(
            refused(&[0.0; 5], 0.05),
            "5 pairs cannot reach a confidence of 95 %: 6 are the fewest that can"
        );
        assert_eq!(
            refused(&[0.0; 8], 0.05 / 7.0),
            "8 pairs cannot reach a confidence of 99.2857 %: 9 are the fewest that can"
        );
        assert_eq!(refused(&[0.0, f64::NAN], 0.05), "a log ratio of NaN cannot be estimated from");
        assert_eq!(
            refused(&[f64::INFINITY; 8], 0.05),
            "a log ratio of inf cannot be estimated from"
        );
        assert_eq!(
            refused(&[0.0; 8], 0.0),
            "an interval errs in more than 0 and less than 1 of all cases, not in 0"
        );
        assert!([-0.1, 1.0, f64::NAN].iter().all(|alpha| estimate(&[0.0; 8], *alpha).is_err()));
    }

    #[test]
    fn differences_may_be_larger_than_a_factor_could() {
        let added =
            shift(&[1e4, 1e4 + 1.0, 1e4 + 2.0, 1e4 + 3.0, 1e4 + 4.0, 1e4 + 5.0], 0.05).unwrap();
        assert_eq!((added.by, added.low, added.high, added.pairs), (1e4 + 2.5, 1e4, 1e4 + 5.0, 6));
        assert_eq!(
            shift(&[f64::NAN; 8], 0.05).unwrap_err(),
            "a difference of NaN cannot be estimated from"
        );
        assert!(shift(&[1.0; 5], 0.05).is_err());
    }

    #[test]
    fn zero_has_a_ratio_only_as_a_count() {
        assert_close(&[log_ratio(2.0, 6.0).unwrap()], &[3.0_f64.ln()], 1e-12);
        let odd = [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, f64::INFINITY), (f64::NAN, 1.0)];
        assert!(odd.iter().all(|(a, b)| log_ratio(*a, *b).is_none()));
        assert!(odd[2..].iter().all(|(a, b)| log_ratio_of_counts(*a, *b).is_none()));
        assert_close(&[log_ratio_of_counts(0.0, 10.0).unwrap()], &[21.0_f64.ln()], 1e-12);
        assert_eq!(log_ratio_of_counts(0.0, 0.0), Some(0.0));
        assert_eq!(log_ratio_of_counts(-0.25, 1.0), None);
    }

    #[test]
    fn the_change_that_is_seen_shrinks_with_the_pairs() {
        let table = [
            (0.01, [1.4, 1.2, 0.9, 0.8, 0.5]),
            (0.05, [7.4, 5.9, 4.5, 3.8, 2.7]),
            (0.10, [15.0, 12.0, 9.3, 7.8, 5.4]),
            (0.20, [33.0, 26.0, 19.0, 16.0, 11.0]),
        ];
        let rounded = |percent: f64| {
            if percent < 10.0 { (percent * 10.0).round() / 10.0 } else { percent.round() }
        };
        for (sd, percents) in table {
            let seen = [6, 8, 12, 16, 30].map(|pairs| rounded(100.0 * detectable(sd, pairs)));
            assert_eq!(seen, percents, "sd {sd}");
        }
        assert_eq!([0, 1].map(|pairs| detectable(0.1, pairs)), [f64::INFINITY; 2]);
    }

    proptest! {
        #[test]
        fn the_interval_contains_the_estimate(ratios in vec(-9.0..9.0, 6..40)) {
            let of = estimate(&ratios, 0.05).unwrap();
            prop_assert!(of.low <= of.ratio && of.ratio <= of.high && of.level >= 0.95);
            prop_assert!(of.t.0 < of.t.1 && of.sd > 0.0);
        }

        #[test]
        fn swapping_a_and_b_inverts_the_ratio(ratios in vec(-3.0..3.0, 6..20)) {
            let (of, back) = (estimate(&ratios, 0.05).unwrap(), estimate(&swapped(&ratios), 0.05).unwrap());
            let inverted = [back.ratio, back.high, back.low, back.t.1, back.t.0].map(f64::recip);
            assert_close(&factors(&of), &inverted, 1e-9);
            assert_close(&[of.sd], &[back.sd], 1e-9);
        }

        #[test]
        fn scaling_every_ratio_scales_the_estimate(ratios in vec(-3.0..3.0, 6..20), factor in 0.01..100.0) {
            let scaled: Vec<f64> = ratios.iter().map(|ratio| ratio + f64::ln(factor)).collect();
            let (of, scaled) = (estimate(&ratios, 0.05).unwrap(), estimate(&scaled, 0.05).unwrap());
            assert_close(&factors(&scaled), &factors(&of).map(|end| end * factor), 1e-9);
            assert_close(&[scaled.sd], &[of.sd], 1e-9);
        }

        #[test]
        fn what_is_added_is_the_logarithm_of_the_factor(pairs in vec(-3.0..3.0, 6..20)) {
            let (factor, added) = (estimate(&pairs, 0.05).unwrap(), shift(&pairs, 0.05).unwrap());
            let exponentiated = [added.by, added.low, added.high].map(f64::exp);
            prop_assert_eq!(exponentiated, [factor.ratio, factor.low, factor.high]);
            prop_assert_eq!((added.level, added.pairs), (factor.level, factor.pairs));
        }

        #[test]
        fn the_order_of_the_pairs_does_not_matter(
            (ratios, shuffled) in vec(-3.0..3.0, 6..20).prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle())),
        ) {
            prop_assert_eq!(estimate(&ratios, 0.05).unwrap(), estimate(&shuffled, 0.05).unwrap());
        }

        #[test]
        fn a_log_ratio_is_the_other_way_round_when_swapped(a in 1e-300..1e300, b in 1e-300..1e300) {
            prop_assert_eq!(log_ratio(a, b).unwrap(), -log_ratio(b, a).unwrap());
        }
    }
}
