//! The exact distribution of the signed-rank sum, and the confidence of the intervals that end in
//! its tails.

/// How many averages to cut off at each end: the interval from the `(k+1)`-th smallest to the
/// `(k+1)`-th largest of the `n(n+1)/2` Walsh averages of `n` pairs errs in at most `alpha` of all
/// cases, and this is the largest such `k`.
///
/// `None` if even the whole range errs more often: five pairs or fewer at 0.05.
pub fn critical_k(n: usize, alpha: f64) -> Option<usize> {
    // Beyond the middle, which only an absurd alpha reaches, the ends would cross.
    let allowed = |tail: &f64| 2.0 * tail <= alpha && *tail <= 0.5;
    tails(n).into_iter().take_while(allowed).count().checked_sub(1)
}

/// How often, in 0..=1, the interval that cuts off `k` averages at each end holds the truth: `1 - 2
/// P(T <= k)`, T being the signed-rank sum of `n` pairs.
///
/// Exact for any distribution that is symmetric and without ties. 0 where the ends would cross.
pub fn confidence(n: usize, k: usize) -> f64 {
    let tail = tails(n).get(k).copied().unwrap_or(1.0);
    (1.0 - 2.0 * tail).max(0.0)
}

/// The fewest pairs that have an interval which errs in at most `alpha` of all cases: 6 at 0.05.
///
/// # Panics
/// If `alpha` is not positive: no number of pairs is enough.
pub fn fewest_pairs(alpha: f64) -> usize {
    assert!(alpha > 0.0, "nothing errs in {alpha} of all cases");
    // The whole range of one pair errs always, and each pair more halves that.
    let errors = std::iter::successors(Some(1.0), |error| Some(error / 2.0));
    1 + errors.take_while(|error| *error > alpha).count()
}

/// The chance that the signed-rank sum is at most 0, 1, ... up to its largest.
fn tails(n: usize) -> Vec<f64> {
    let so_far = |sum: &mut f64, chance: f64| {
        *sum += chance;
        Some(*sum)
    };
    chances(n).into_iter().scan(0.0, so_far).collect()
}

/// The chance of every sum if nothing changed.
///
/// Then each rank's sign is a coin, and a sum is as likely as there are subsets of 1..=n with that
/// sum, of 2^n. Halving is free of rounding, so these are exact up to 50 pairs and more.
fn chances(n: usize) -> Vec<f64> {
    let mut chances = vec![1.0];
    for rank in 1..=n {
        chances.resize(chances.len() + rank, 0.0);
        for sum in (0..chances.len()).rev() {
            let with_it = if sum < rank { 0.0 } else { chances[sum - rank] };
            chances[sum] = (chances[sum] + with_it) / 2.0;
        }
    }
    chances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_k_at_95_percent_is_the_tables() {
        for (n, k, percent) in [
            (6, 0, 96.9),
            (8, 3, 96.1),
            (10, 8, 95.1),
            (12, 13, 95.8),
            (16, 29, 95.6),
            (20, 52, 95.2),
            (30, 137, 95.0),
        ] {
            assert_eq!(critical_k(n, 0.05), Some(k), "{n} pairs");
            assert_eq!((confidence(n, k) * 1_000.0).round() / 10.0, percent, "{n} pairs");
            assert!(confidence(n, k) >= 0.95 && confidence(n, k + 1) < 0.95, "{n} pairs");
        }
    }

    #[test]
    fn five_pairs_cannot_reach_95_percent() {
        assert!((0..=5).all(|n| critical_k(n, 0.05).is_none()));
        assert_eq!(confidence(5, 0), 0.9375);
        assert_eq!(fewest_pairs(0.05), 6);
    }

    #[test]
    fn three_looks_cut_off_less_and_need_seven_pairs() {
        let k = [8, 12, 16].map(|n| critical_k(n, 0.0221));
        assert_eq!(k, [Some(1), Some(10), Some(24)]);
        assert_eq!((critical_k(6, 0.0221), fewest_pairs(0.0221)), (None, 7));
    }

    #[test]
    fn eight_pairs_allow_six_secondary_metrics_and_ten_allow_twenty_five() {
        let allowed = |n| {
            (1..).take_while(|metrics| critical_k(n, 0.05 / f64::from(*metrics)).is_some()).count()
        };
        assert_eq!((allowed(8), allowed(10)), (6, 25));
    }

    #[test]
    fn sums_are_as_likely_as_there_are_subsets() {
        let subset_sum =
            |subset: usize| (1..=10).filter(|rank| subset >> (rank - 1) & 1 == 1).sum::<usize>();
        let mut counted = vec![0.0; 56];
        (0..1 << 10).for_each(|subset| counted[subset_sum(subset)] += 1.0 / 1_024.0);
        assert_eq!(chances(10), counted);
        assert_eq!(chances(0), [1.0]);
    }

    #[test]
    fn the_ends_never_cross_however_much_may_be_wrong() {
        for (n, alpha) in [(1, 1.0), (2, 1.0), (8, 1.0), (16, 7.0)] {
            let k = critical_k(n, alpha).unwrap();
            assert!(2 * k < n * (n + 1) / 2, "{n} pairs, {k}");
        }
        assert_eq!(
            [(0, 0), (1, 0), (8, 18), (8, 36), (8, usize::MAX)].map(|(n, k)| confidence(n, k)),
            [0.0; 5]
        );
        assert_eq!([0.0, -1.0, f64::NAN].map(|alpha| critical_k(30, alpha)), [None; 3]);
        assert_eq!(critical_k(0, 1.0), None);
    }

    #[test]
    fn as_many_pairs_suffice_as_have_an_interval() {
        for alpha in [0.9, 0.5, 0.25, 0.05, 0.0221, 0.001, 1e-9] {
            let fewest = fewest_pairs(alpha);
            assert!(
                critical_k(fewest, alpha).is_some() && critical_k(fewest - 1, alpha).is_none(),
                "{alpha}"
            );
        }
    }

    #[test]
    #[should_panic(expected = "nothing errs in 0 of all cases")]
    fn certainty_is_not_to_be_had() {
        fewest_pairs(0.0);
    }
}
