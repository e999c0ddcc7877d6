//! How well this machine keeps time: the time to read the clock, how late sleeps end, and the
//! longest pause of a spinning thread. Measured on a thread of its own, as the pacer is one.

use lab_kit::clock;
use serde::Serialize;
use std::hint::black_box;
use std::thread;
use std::time::Instant;

/// The number of sleeps: a p99 needs ten values beyond it.
const SLEEPS: usize = 1_000;
const SLEEP_NS: u64 = 1_000_000;
const SPIN_NS: u64 = 1_000_000_000;
/// Gaps shorter than this are interrupts, which every machine has.
const GAP_NS: u64 = 100_000;
const BATCHES: usize = 1_001;
const LOOKS: u32 = 100;

/// How late sleeps to an absolute deadline ended, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sleeps {
    pub count: usize,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

/// The gaps between the clock reads of a thread that only reads the clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spin {
    pub ms: f64,
    pub longest_us: f64,
    /// How many were longer than a tenth of a millisecond.
    pub gaps: usize,
}

/// The time to read the clock, in nanoseconds: the median of many batches, because a single
/// read is near the resolution.
pub(crate) fn clock_read_ns() -> f64 {
    let batch = || {
        let begin = Instant::now();
        (0..LOOKS).for_each(|_| _ = black_box(Instant::now()));
        begin.elapsed().as_nanos() as f64 / f64::from(LOOKS)
    };
    let mut batches: Vec<f64> = (0..BATCHES).map(|_| batch()).collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}

/// Sleeps many times and then spins for a second. Absent where no thread can be had.
pub(crate) fn sleep_and_spin() -> Option<(Sleeps, Spin)> {
    let measure = || {
        clock::lower_timer_slack();
        (sleeps((0..SLEEPS).map(|_| overshoot_ns()).collect()), spin(SPIN_NS))
    };
    thread::Builder::new().name("lab-doctor".into()).spawn(measure).ok()?.join().ok()
}

fn overshoot_ns() -> u64 {
    let due = clock::now_ns() + SLEEP_NS;
    loop {
        clock::sleep_until_ns(due);
        // It may have come back early.
        if let Some(late) = clock::now_ns().checked_sub(due) {
            return late;
        }
    }
}

fn sleeps(mut late_ns: Vec<u64>) -> Sleeps {
    late_ns.sort_unstable();
    let count = late_ns.len();
    let us = |rank: usize| late_ns[rank.min(count - 1)] as f64 / 1e3;
    Sleeps { count, p50_us: us(count / 2), p99_us: us(count * 99 / 100), max_us: us(count - 1) }
}

fn spin(for_ns: u64) -> Spin {
    let begin = clock::now_ns();
    let (mut last, mut longest, mut gaps) = (begin, 0, 0);
    while last - begin < for_ns {
        let now = clock::now_ns();
        longest = longest.max(now - last);
        gaps += usize::from(now - last > GAP_NS);
        last = now;
    }
    Spin { ms: (last - begin) as f64 / 1e6, longest_us: longest as f64 / 1e3, gaps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_sleeps_are_those_of_the_sorted_ones() {
        let of = sleeps((1..=1_000).rev().map(|us| us * 1_000).collect());
        assert_eq!(of, Sleeps { count: 1_000, p50_us: 501.0, p99_us: 991.0, max_us: 1_000.0 });
    }

    #[test]
    fn what_is_measured_is_positive() {
        assert!(clock_read_ns() > 0.0);
        let spun = spin(1_000_000);
        assert!(spun.ms >= 1.0 && spun.longest_us > 0.0, "{spun:?}");
    }
}
