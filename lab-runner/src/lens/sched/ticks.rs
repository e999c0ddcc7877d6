//! The clock of the recorder: the processor's time-stamp counter where it can be relied on, read through `quanta`. A look at it
//! costs a third of one at `CLOCK_MONOTONIC`. Ticks become nanoseconds of that clock afterwards, between pairs that were read
//! together while the run went on: then drift and the crate's own calibration do not matter.

use lab_kit::clock;
use quanta::Clock;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

/// Pairs are read so often, and the one that took least is kept: a thread that loses its core in between reads a bad one.
const TRIES: usize = 8;

/// The clock.
pub(super) fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::new)
}

/// A moment on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub ticks: u64,
    pub ns: u64,
}

/// Reads both clocks at once, as nearly as can be.
pub(super) fn pair() -> Pair {
    let clock = clock();
    let read = |_| {
        let before = clock.raw();
        let ns = clock::now_ns();
        let took = clock.raw().saturating_sub(before);
        (took, Pair { ticks: before + took / 2, ns })
    };
    (0..TRIES).map(read).min_by_key(|(took, _)| *took).map_or(Pair { ticks: 0, ns: 0 }, |(_, pair)| pair)
}

/// From ticks to nanoseconds, along lines from pair to pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Axis {
    lines: Vec<Line>,
}

/// Goes through a pair.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    from: Pair,
    ns_per_tick: f64,
    /// The ticks that are on it.
    holds: RangeInclusive<u64>,
}

impl Axis {
    /// The axis through these pairs. Those that do not go on in both directions are left out; with a single one a tick is a
    /// nanosecond.
    pub fn through(mut pairs: Vec<Pair>) -> Axis {
        pairs.sort_by_key(|pair| pair.ticks);
        pairs.dedup_by(|next, kept| next.ticks <= kept.ticks || next.ns <= kept.ns);
        let slope = |from: &Pair, to: &Pair| (to.ns - from.ns) as f64 / (to.ticks - from.ticks) as f64;
        let line = |from: &Pair, ns_per_tick| Line { from: *from, ns_per_tick, holds: from.ticks..=u64::MAX };
        let mut lines: Vec<Line> = pairs.windows(2).map(|ends| line(&ends[0], slope(&ends[0], &ends[1]))).collect();
        if lines.is_empty() {
            lines.extend(pairs.first().map(|pair| line(pair, 1.0)));
        }
        for at in 1..lines.len() {
            let before = *lines[at - 1].holds.start();
            lines[at - 1].holds = before..=lines[at].from.ticks - 1;
        }
        if let Some(first) = lines.first_mut() {
            first.holds = 0..=*first.holds.end();
        }
        Axis { lines }
    }

    /// The nanosecond of a tick. `hint` is the line that the last one was on: ticks that are asked for one after the other
    /// are near each other.
    #[inline]
    pub fn ns(&self, ticks: u64, hint: &mut usize) -> u64 {
        let Some(line) = self.line(ticks, hint) else { return ticks };
        let apart = ticks.abs_diff(line.from.ticks) as f64 * line.ns_per_tick;
        match ticks >= line.from.ticks {
            true => line.from.ns.saturating_add(apart as u64),
            false => line.from.ns.saturating_sub(apart as u64),
        }
    }

    #[inline]
    fn line(&self, ticks: u64, hint: &mut usize) -> Option<&Line> {
        if let Some(line) = self.lines.get(*hint).filter(|line| line.holds.contains(&ticks)) {
            return Some(line);
        }
        *hint = self.lines.partition_point(|line| line.from.ticks <= ticks).saturating_sub(1);
        self.lines.get(*hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(pairs: &[(u64, u64)]) -> Axis {
        Axis::through(pairs.iter().map(|(ticks, ns)| Pair { ticks: *ticks, ns: *ns }).collect())
    }

    #[test]
    fn between_two_pairs_it_is_a_line_and_beyond_them_the_nearest_goes_on() {
        let axis = axis(&[(1_000, 5_000), (3_000, 6_000), (4_000, 8_000)]);
        let mut hint = 0;
        let found: Vec<u64> = [0, 1_000, 2_000, 3_000, 3_500, 5_000, 900].map(|at| axis.ns(at, &mut hint)).into();
        assert_eq!(found, [4_500, 5_000, 5_500, 6_000, 7_000, 10_000, 4_950]);
    }

    #[test]
    fn nonsense_gives_no_panic() {
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
        let slack = 200_000; // of a machine that pauses in the middle of a pair
        assert!((low - slack..high + slack).contains(&found), "{low} {found} {high}");
    }
}
