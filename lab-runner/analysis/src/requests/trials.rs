//! Many runs of one variant: how often something happens, and how long it takes if some runs are
//! cut off first.

use statrs::distribution::{Beta, ContinuousCDF};

/// The error probability of a bound: 5 % for one bound, half of it for each of two.
const ERROR: f64 = 0.05;

/// The exact binomial (Clopper-Pearson) interval at 95 % of the share of runs that something
/// happens in, both ends in 0..=1.
///
/// Two-sided, 2.5 % beyond each end. But if it happened in none or in all, one end is 0 or 1 and
/// errs never, and the other is the one-sided 95 % bound, "three in n": zero in 60, 300, 1 000
/// bounds the share by 4.9 %, 1.0 %, 0.3 %. That bound is tighter than a two-sided 95 % interval's,
/// which is 6.0 % for zero in 60. No trials say nothing: 0 to 1.
///
/// # Panics
/// If there are more hits than trials.
pub fn share_interval(hits: u64, trials: u64) -> (f64, f64) {
    assert!(hits <= trials, "{hits} of {trials} cannot be");
    let (none, all) = (hits == 0, hits == trials);
    let beyond = if none || all { ERROR } else { ERROR / 2.0 };
    let (yes, no) = (hits as f64, (trials - hits) as f64);
    let low = if none { 0.0 } else { quantile(yes, no + 1.0, beyond) };
    let high = if all { 1.0 } else { quantile(yes + 1.0, no, 1.0 - beyond) };
    (low, high)
}

/// A quantile of a beta distribution, its parameters positive.
///
/// By halving: the crate's own inverse starts at 0.0001 or more, loses digits below, and never ends
/// for one hit in a billion trials (statrs 0.19.1).
fn quantile(a: f64, b: f64, q: f64) -> f64 {
    const HALVINGS: usize = 64;
    let beta = Beta::new(a, b).expect("both parameters are positive");
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if beta.cdf(middle) < q { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The time of one run, in whatever unit all of them have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedTime {
    /// The time until the end, or until the run was cut off.
    pub time: f64,
    /// It was cut off at this time, and would have taken longer.
    pub censored: bool,
}

/// The Kaplan-Meier median: the first time at which half of the runs or fewer would still be going
/// on.
///
/// What was cut off counts as going on up to its time, that instant included, and then as not seen
/// any more; so the median leans neither on the watchdog nor on the quick runs alone. `None` if the
/// curve never falls to a half: there is nothing to see, or more than half were cut off before it
/// could.
pub fn median(seen: &[ObservedTime]) -> Option<f64> {
    let mut seen = seen.to_vec();
    seen.sort_by(|a, b| a.time.total_cmp(&b.time));
    let mut surviving = 1.0;
    let mut watched = seen.len();
    for tied in seen.chunk_by(|a, b| a.time == b.time) {
        let ended = tied.iter().filter(|run| !run.censored).count();
        surviving *= 1.0 - ended as f64 / watched as f64;
        if ended > 0 && surviving <= 0.5 + ROUNDING {
            return Some(tied[0].time);
        }
        watched -= tied.len();
    }
    None
}

/// A product that is a half on paper may come out a bit above.
const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(interval: (f64, f64), expected: (f64, f64), tolerance: f64) {
        let off = (interval.0 - expected.0).abs().max((interval.1 - expected.1).abs());
        assert!(off <= tolerance, "{interval:?} is not {expected:?}");
    }

    #[test]
    fn zero_hits_bound_the_share_from_one_side() {
        for (trials, bound) in [(60, 0.049), (300, 0.010), (1_000, 0.003)] {
            assert_close(share_interval(0, trials), (0.0, bound), 0.0005);
            assert_close(share_interval(trials, trials), (1.0 - bound, 1.0), 0.0005);
            let closed_form = 1.0 - 0.05_f64.powf(1.0 / trials as f64);
            assert_close(share_interval(0, trials), (0.0, closed_form), 1e-12);
        }
    }

    #[test]
    fn some_hits_have_the_textbook_interval() {
        assert_close(share_interval(5, 10), (0.187_086, 0.812_914), 1e-6);
        assert_close(share_interval(1, 10), (0.002_529, 0.445_016), 1e-6);
        assert_close(share_interval(9, 10), (0.554_984, 0.997_471), 1e-6);
        assert_close(share_interval(3, 7), (0.098_988, 0.815_948), 1e-6);
    }

    #[test]
    fn a_hit_in_a_billion_is_answered_too() {
        let (low, high) = share_interval(1, 1_000_000_000);
        assert_close((low * 1e9, high * 1e9), (0.025_318, 5.571_643), 1e-5);
    }

    #[test]
    fn no_trials_say_nothing() {
        assert_eq!(share_interval(0, 0), (0.0, 1.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    #[should_panic(expected = "3 of 2 cannot be")]
    fn more_hits_than_trials_are_a_mistake() {
        share_interval(3, 2);
    }

    /// Runs that ended at these times; a negative time was cut off.
    fn runs(times: &[f64]) -> Vec<ObservedTime> {
        times.iter().map(|time| ObservedTime { time: time.abs(), censored: *time < 0.0 }).collect()
    }

    #[test]
    fn what_was_cut_off_leaves_the_watched_after_those_that_ended_at_the_same_time() {
        // Survival: 6/7 at 1; times 4/6 at 3 (two ended, one was cut off there): 4/7; times 2/3 at
        // 5: 8/21.
        assert_eq!(median(&runs(&[5.0, 3.0, -3.0, 1.0, 3.0, -8.0, -9.0])), Some(5.0));
        // The same, cut off before 3: 6/7, then times 3/5: 18/35; times 2/3 at 5.
        assert_eq!(median(&runs(&[5.0, 3.0, -2.0, 1.0, 3.0, -8.0, -9.0])), Some(5.0));
        // Cut off before 1: 5/6, then times 3/5: exactly a half at 3.
        assert_eq!(median(&runs(&[5.0, 3.0, -0.5, 1.0, 3.0, -8.0, -9.0])), Some(3.0));
    }

    #[test]
    fn without_censoring_half_of_the_runs_have_ended_at_the_median() {
        assert_eq!(median(&runs(&[3.0, 1.0, 2.0])), Some(2.0));
        for half in 1..=50 {
            let times: Vec<f64> = (1..=2 * half).map(f64::from).collect();
            assert_eq!(
                median(&runs(&times)),
                Some(f64::from(half)),
                "rounding must not carry it to the next"
            );
        }
    }

    #[test]
    fn more_than_half_cut_off_have_no_median() {
        assert_eq!(median(&runs(&[1.0, 2.0, -10.0, -10.0, -10.0])), None);
        assert_eq!(median(&runs(&[-1.0, -1.0])), None);
        assert_eq!(median(&runs(&[1.0, 2.0, 3.0, -10.0, -10.0])), Some(3.0));
    }
}
