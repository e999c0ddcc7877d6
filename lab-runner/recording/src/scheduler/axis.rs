//! Conversion of ticks of the processor's time-stamp counter to nanoseconds, by pairs of both
//! clocks that were read together during the run.
//!
//! Between two pairs the conversion is linear; before the first pair and after the last one, the
//! nearest line is continued. *Example:* with the pairs (1000 ticks, 5000 ns) and (3000, 6000),
//! tick 2000 is 5500 ns and tick 0 is 4500 ns.

use std::ops::RangeInclusive;

/// The same moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Value of the time-stamp counter.
    pub ticks: u64,
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub ns: u64,
}

/// The conversion from ticks to nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    lines: Vec<Line>,
}

/// A line through a pair.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    from: Pair,
    ns_per_tick: f64,
    /// The ticks for which the line is used.
    holds: RangeInclusive<u64>,
}

impl Axis {
    /// The conversion by these pairs. A pair that does not increase on both clocks is skipped; with
    /// a single pair a tick counts as a nanosecond.
    pub fn through(mut pairs: Vec<Pair>) -> Axis {
        pairs.sort_by_key(|pair| pair.ticks);
        pairs.dedup_by(|next, kept| next.ticks <= kept.ticks || next.ns <= kept.ns);
        let slope =
            |from: &Pair, to: &Pair| (to.ns - from.ns) as f64 / (to.ticks - from.ticks) as f64;
        let line = |from: &Pair, ns_per_tick| Line {
            from: *from,
            ns_per_tick,
            holds: from.ticks..=u64::MAX,
        };
        let mut lines: Vec<Line> =
            pairs.windows(2).map(|ends| line(&ends[0], slope(&ends[0], &ends[1]))).collect();
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

    /// Converts ticks to nanoseconds. `hint` caches the index of the last line, because successive
    /// ticks are mostly near each other.
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
