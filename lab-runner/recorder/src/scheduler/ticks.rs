//! The clock of the recorder: the processor's time-stamp counter where it is reliable, read through
//! `quanta`. A reading costs a third of one of `CLOCK_MONOTONIC`. The reader of the recording
//! converts ticks to nanoseconds of that clock, by pairs of both that were read together during the
//! run. So neither drift nor the crate's own calibration matters.

use lab_kit::clock;
use lab_recording::scheduler::axis::Pair;
use quanta::Clock;
use std::sync::OnceLock;

/// Number of attempts to read a pair, of which the fastest is kept: a thread that is interrupted
/// between the two readings reads a wrong pair.
const TRIES: usize = 8;

/// The clock.
pub(crate) fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::new)
}

/// Reads both clocks, as nearly as possible at the same moment.
pub(crate) fn pair() -> Pair {
    let clock = clock();
    let read = |_| {
        let before = clock.raw();
        let ns = clock::now_ns();
        let took = clock.raw().saturating_sub(before);
        (took, Pair { ticks: before + took / 2, ns })
    };
    (0..TRIES)
        .map(read)
        .min_by_key(|(took, _)| *took)
        .map_or(Pair { ticks: 0, ns: 0 }, |(_, pair)| pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::scheduler::axis::Axis;

    fn axis(pairs: &[(u64, u64)]) -> Axis {
        Axis::through(pairs.iter().map(|(ticks, ns)| Pair { ticks: *ticks, ns: *ns }).collect())
    }

    #[test]
    fn between_two_pairs_it_is_a_line_and_beyond_them_the_nearest_goes_on() {
        let axis = axis(&[(1_000, 5_000), (3_000, 6_000), (4_000, 8_000)]);
        let mut hint = 0;
        let found: Vec<u64> =
            [0, 1_000, 2_000, 3_000, 3_500, 5_000, 900].map(|at| axis.ns(at, &mut hint)).into();
        assert_eq!(found, [4_500, 5_000, 5_500, 6_000, 7_000, 10_000, 4_950]);
    }

    #[test]
    fn damaged_pairs_cause_no_panic() {
        let mut hint = 77;
        assert_eq!(axis(&[]).ns(9, &mut hint), 9);
        assert_eq!(axis(&[(5, 100)]).ns(9, &mut hint), 104);
        let back = axis(&[(5, 100), (9, 40), (20, 40), (u64::MAX, u64::MAX)]);
        assert!(back.ns(u64::MAX, &mut hint) > 1 << 62);
        assert_eq!(axis(&[(5, u64::MAX), (0, 0)]).ns(u64::MAX, &mut hint), u64::MAX);
    }

    #[test]
    fn the_clocks_agree() {
        let first = pair();
        let begin = clock::now_ns();
        while clock::now_ns() < begin + 20_000_000 {}
        let axis = Axis::through(vec![first, pair()]);
        let (low, ticks, high) = (clock::now_ns(), clock().raw(), clock::now_ns());
        let found = axis.ns(ticks, &mut 0);
        let slack = 200_000; // for an interruption in the middle of a pair
        assert!((low - slack..high + slack).contains(&found), "{low} {found} {high}");
    }
}
