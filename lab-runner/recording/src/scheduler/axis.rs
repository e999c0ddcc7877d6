//! From ticks of the processor's time-stamp counter to nanoseconds, between pairs that were read
//! together while the run went on.

use std::ops::RangeInclusive;

/// A moment on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Of the time-stamp counter.
    pub ticks: u64,
    /// Of `CLOCK_MONOTONIC`.
    pub ns: u64,
}

/// From ticks to nanoseconds, along lines from pair to pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
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
    /// The axis through these pairs. Those that do not go on in both directions are left out; with
    /// a single one a tick is a nanosecond.
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

    /// The nanosecond of a tick. `hint` is the line that the last one was on: ticks that are asked
    /// for one after the other are near each other.
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
