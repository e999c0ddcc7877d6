//! The verdict on a change from an interval, also where values are known only by bounds.

pub use crate::stats::signed_rank::fewest_pairs;
pub use lab_kit::Better;

use crate::stats::estimate::{Estimate, estimate, interval};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The change of a metric from A to B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The whole interval is beyond the equivalence margin, on the better side.
    Improved,
    /// The whole interval is beyond the equivalence margin, on the worse side.
    Regressed,
    /// The whole interval is within the equivalence margin.
    Equivalent,
    /// The interval crosses an end of the equivalence margin: more pairs may decide.
    Inconclusive,
}

impl fmt::Display for Change {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Change::Improved => "improved",
            Change::Regressed => "regressed",
            Change::Equivalent => "equivalent",
            Change::Inconclusive => "inconclusive",
        })
    }
}

/// The margin includes its ends, and a ratio that equals an end may be rounded beyond it.
const ROUNDING: f64 = 1e-9;

/// Judges the interval `low..=high` of B/A by the equivalence margin `1/(1+delta)..=1+delta`.
///
/// Judged by the interval, never by the estimate alone. `delta` is 0.05 for 5 %; with 0 any change
/// matters. An end that is not a number leaves it inconclusive.
///
/// # Panics
/// If `delta` is negative or not a number.
pub fn judge(low: f64, high: f64, delta: f64, better: Better) -> Change {
    assert!(delta >= 0.0, "an equivalence margin cannot be {delta}");
    let widest = (1.0 + delta) * (1.0 + ROUNDING);
    let (fell, rose) = (high < 1.0 / widest, low > widest);
    let (improved, regressed) = match better {
        Better::Lower => (fell, rose),
        Better::Higher => (rose, fell),
    };
    match (improved, regressed) {
        (true, _) => Change::Improved,
        (_, true) => Change::Regressed,
        _ if low >= 1.0 / widest && high <= widest => Change::Equivalent,
        _ => Change::Inconclusive,
    }
}

/// Whether Student's interval gives another verdict than the exact one. An unbounded interval
/// agrees with every verdict.
///
/// # Panics
/// If `delta` is negative or not a number.
pub fn disagree(estimate: &Estimate, delta: f64, better: Better) -> bool {
    let Estimate { low, high, t, .. } = *estimate;
    t != NOTHING_KNOWN && judge(t.0, t.1, delta, better) != judge(low, high, delta, better)
}

/// The interval of all ratios.
const NOTHING_KNOWN: (f64, f64) = (0.0, f64::INFINITY);

/// An interim look: an evaluation after which more pairs may be added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InterimLook {
    /// The number of pairs after which it takes place.
    pub pairs: usize,
    /// The error probability of its interval, in 0..=1.
    pub alpha: f64,
}

/// Three interim looks with a total error probability of 5 %, after Pocock. At 5 % for each
/// look the total would be larger.
pub const POCOCK: [InterimLook; 3] = [
    InterimLook { pairs: 8, alpha: 0.0221 },
    InterimLook { pairs: 12, alpha: 0.0221 },
    InterimLook { pairs: 16, alpha: 0.0221 },
];

/// The error probability of each of this number of secondary metrics, for a total of `alpha`.
pub fn bonferroni(alpha: f64, metrics: usize) -> f64 {
    alpha / metrics.max(1) as f64
}

/// A value of one run and the range of its true value, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    /// The measured value: positive and finite.
    pub value: f64,
    /// The lower bound of the true value: below the measured one where the host disturbed
    /// it, 0 if unknown.
    pub low: f64,
    /// The upper bound of the true value: infinite where the tail was cut off.
    pub high: f64,
}

impl Side {
    /// A value that is exact.
    pub fn exact(value: f64) -> Side {
        Side { value, low: value, high: value }
    }

    fn check(&self) -> Result<(), String> {
        let Side { value, low, high } = *self;
        let ordered = 0.0 <= low && low <= value && value <= high;
        match ordered && value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(format!("{value}, at least {low} and at most {high}, has no ratio")),
        }
    }
}

/// The log ratios `ln(B/A)` of the pairs with their bounds, in the order of the pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRatios {
    /// As measured.
    pub values: Vec<f64>,
    /// The lowest that the bounds allow: lowest B, highest A. Negative infinity if unknown.
    pub lowest: Vec<f64>,
    /// The highest that the bounds allow: highest B, lowest A. Infinite if unknown.
    pub highest: Vec<f64>,
}

/// The log ratios of pairs (A, B).
///
/// # Errors
/// The first value that has none, as a lowercase sentence: not positive, not finite, or outside its
/// own range.
pub fn log_ratios(pairs: &[(Side, Side)]) -> Result<LogRatios, String> {
    pairs.iter().try_for_each(|(a, b)| a.check().and(b.check()))?;
    let each = |of: fn(&Side) -> f64, over: fn(&Side) -> f64| {
        pairs.iter().map(|(a, b)| of(b).ln() - over(a).ln()).collect::<Vec<_>>()
    };
    Ok(LogRatios {
        values: each(|b| b.value, |a| a.value),
        lowest: each(|b| b.low, |a| a.high),
        highest: each(|b| b.high, |a| a.low),
    })
}

impl LogRatios {
    /// Estimates the measured ratio, with an interval that covers all values within the
    /// bounds: its lower end is that of the lowest ratios and its upper end that of the
    /// highest.
    ///
    /// Neither end can be beyond these, for raising a ratio raises both. So a tail that
    /// was cut off in B leaves the lower end as sure as before and the upper end open, once more
    /// pairs have it than the interval tolerates wild ones: none of up to 11 pairs at 95 %, one of
    /// 12 to 16. Student's interval has no such property and is left open.
    ///
    /// # Errors
    /// As [`estimate`].
    pub fn estimate(&self, alpha: f64) -> Result<Estimate, String> {
        let measured = estimate(&self.values, alpha)?;
        if self.lowest == self.highest {
            return Ok(measured);
        }
        let (low, high) = (interval(&self.lowest, alpha)?.0, interval(&self.highest, alpha)?.1);
        Ok(Estimate { low, high, t: NOTHING_KNOWN, ..measured })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: f64 = f64::INFINITY;

    /// An exact A against a B that was measured in so many pairs, the first of which are `odd`.
    fn against(a: f64, b: f64, pairs: usize, odd: &[Side]) -> Vec<(Side, Side)> {
        let b =
            |i: usize| odd.get(i).copied().unwrap_or(Side::exact(b * (1.0 + i as f64 / 1_000.0)));
        (0..pairs).map(|i| (Side::exact(a), b(i))).collect()
    }

    fn swapped(pairs: &[(Side, Side)]) -> Vec<(Side, Side)> {
        pairs.iter().map(|(a, b)| (*b, *a)).collect()
    }

    fn estimated(pairs: &[(Side, Side)]) -> Estimate {
        log_ratios(pairs).unwrap().estimate(0.05).unwrap()
    }

    fn judged(of: &Estimate, better: Better) -> Change {
        judge(of.low, of.high, 0.05, better)
    }

    #[test]
    fn an_interval_is_judged_by_the_side_of_the_band_that_all_of_it_is_on() {
        let both = |low, high| {
            [Better::Lower, Better::Higher].map(|better| judge(low, high, 0.25, better))
        };
        assert_eq!(both(0.5, 0.79), [Change::Improved, Change::Regressed]);
        assert_eq!(both(1.26, OPEN), [Change::Regressed, Change::Improved]);
        assert_eq!(both(0.81, 1.24), [Change::Equivalent; 2]);
        for (low, high) in [
            (0.5, 0.81),
            (0.5, 1.26),
            (0.79, 1.24),
            (1.24, 1.26),
            (0.0, OPEN),
            (f64::NAN, f64::NAN),
        ] {
            assert_eq!(both(low, high), [Change::Inconclusive; 2], "{low} to {high}");
        }
    }

    #[test]
    fn the_bands_ends_belong_to_it_despite_rounding() {
        let exact = |a: f64, b: f64| (b.ln() - a.ln()).exp();
        for (a, b) in [(100.0, 105.0), (105.0, 100.0), (3.0, 3.15), (1e9, 1.05e9)] {
            assert_eq!(
                judge(exact(a, b), exact(a, b), 0.05, Better::Lower),
                Change::Equivalent,
                "{a} to {b}"
            );
        }
        assert_eq!(judge(1.0, 1.0, 0.0, Better::Lower), Change::Equivalent);
        assert_eq!(judge(1.000_001, 1.1, 0.0, Better::Lower), Change::Regressed);
    }

    #[test]
    #[should_panic(expected = "an equivalence margin cannot be -0.1")]
    fn a_band_narrower_than_nothing_is_a_mistake() {
        judge(1.0, 1.0, -0.1, Better::Lower);
    }

    #[test]
    fn a_wild_pair_makes_the_cross_check_disagree() {
        let calm = estimate(&[0.2; 8], 0.05).unwrap();
        let wild = estimate(&[0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 9.0], 0.05).unwrap();
        assert!(!disagree(&calm, 0.05, Better::Lower) && disagree(&wild, 0.05, Better::Lower));
        assert!(!disagree(&wild, 0.5, Better::Higher), "neither interval can tell");
    }

    #[test]
    fn secondary_metrics_share_what_may_be_wrong() {
        assert_eq!([0, 1, 5].map(|metrics| bonferroni(0.05, metrics)), [0.05, 0.05, 0.01]);
        assert_eq!((fewest_pairs(bonferroni(0.05, 6)), fewest_pairs(bonferroni(0.05, 7))), (8, 9));
    }

    #[test]
    fn exact_sides_are_estimated_as_if_there_were_no_bounds() {
        let pairs = against(10.0, 12.0, 8, &[]);
        let sides = log_ratios(&pairs).unwrap();
        assert_eq!(estimated(&pairs), estimate(&sides.values, 0.05).unwrap());
        assert_eq!((&sides.lowest, &sides.highest), (&sides.values, &sides.values));
    }

    #[test]
    fn a_tail_that_was_cut_off_counts_in_one_direction_only() {
        let cut_off = |value| Side { value, low: value, high: OPEN };
        let worse = against(10.0, 100.0, 8, &[cut_off(100.0)]);
        let of = estimated(&worse);
        assert!(of.low > 9.9 && of.high == OPEN && of.ratio > 9.9, "{of:?}");
        assert_eq!(judged(&of, Better::Lower), Change::Regressed, "it is at least that much");
        assert_eq!(judged(&estimated(&swapped(&worse)), Better::Lower), Change::Improved);
        let seemingly_better = estimated(&against(10.0, 5.0, 8, &[cut_off(5.0)]));
        assert_eq!(
            judged(&seemingly_better, Better::Lower),
            Change::Inconclusive,
            "it may be any worse"
        );
        assert!(of.t == NOTHING_KNOWN && !disagree(&of, 0.05, Better::Lower));
    }

    #[test]
    fn what_the_machine_spoiled_leaves_the_lower_end_open() {
        let spoiled = against(10.0, 100.0, 8, &[Side { value: 110.0, low: 0.0, high: 110.0 }]);
        let of = estimated(&spoiled);
        assert!(of.low == 0.0 && of.high < 11.1, "{of:?}");
        assert_eq!(judged(&of, Better::Lower), Change::Inconclusive);
        let back = estimated(&swapped(&spoiled));
        assert!(back.low > 0.09 && back.high == OPEN, "{back:?}");
    }

    #[test]
    fn an_open_end_stays_open_until_there_are_pairs_enough_to_do_without() {
        let unknown = [Side { value: 12.0, low: 0.0, high: OPEN }; 2];
        let open = |pairs, odd: &[Side]| {
            let of = estimated(&against(10.0, 12.0, pairs, odd));
            (of.low == 0.0, of.high == OPEN)
        };
        assert_eq!(
            [open(11, &unknown[..1]), open(12, &unknown[..1])],
            [(true, true), (false, false)]
        );
        assert_eq!([open(16, &unknown), open(17, &unknown)], [(true, true), (false, false)]);
    }

    #[test]
    fn sides_without_a_ratio_are_refused_with_a_reason() {
        let refused = |side: Side| {
            log_ratios(&[(Side::exact(1.0), Side::exact(1.0)), (side, side)]).unwrap_err()
        };
        assert_eq!(refused(Side::exact(0.0)), "0, at least 0 and at most 0, has no ratio");
        let odd = [
            (1.0, 2.0, 3.0),
            (4.0, 2.0, 3.0),
            (2.0, -1.0, 3.0),
            (OPEN, 1.0, OPEN),
            (f64::NAN, 0.0, OPEN),
        ];
        odd.iter().for_each(|&(value, low, high)| {
            assert!(refused(Side { value, low, high }).ends_with("no ratio"))
        });
        assert!(
            log_ratios(&[])
                .unwrap()
                .estimate(0.05)
                .unwrap_err()
                .starts_with("0 pairs cannot reach")
        );
    }

    #[test]
    fn changes_are_words() {
        let all = [Change::Improved, Change::Regressed, Change::Equivalent, Change::Inconclusive];
        let words = all.map(|change| change.to_string());
        assert_eq!(words, ["improved", "regressed", "equivalent", "inconclusive"]);
        assert_eq!(serde_json::to_value(all).unwrap(), serde_json::json!(words));
    }
}
