//! What makes a quantile a bound and not the truth: the generator, the host, the floor, and requests that were
//! cut off.

use super::parts::{Part, Parts, QUANTILES};
use super::{Knows, Reading};
use lab_kit::log::Entry;
use std::time::Duration;

/// A quantile is spoiled by what makes up more than this part of it.
const FIFTH: u64 = 5;

/// What is known about the conditions of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// What a null target showed.
    pub floor: Option<Floor>,
    /// CPU time that the host took away meanwhile.
    pub stolen: Option<Stolen>,
}

impl Doubt {
    /// A quantile in microseconds with what is known about it.
    pub fn reading(&self, parts: &Parts, part: Part, q: f64) -> Option<Reading> {
        let ns = parts.quantile_ns(part, q)?;
        let spoiled = self.spoiled(parts, part, q, ns);
        let cut = parts.is_cut(part, ns).then_some("requests were cut off unanswered");
        let knows = match (spoiled, cut) {
            (None, None) => Knows::Exact,
            (Some(_), None) => Knows::AtMost,
            (None, Some(_)) => Knows::AtLeast,
            (Some(_), Some(_)) => Knows::Nothing,
        };
        Some(Reading { value: ns as f64 / 1e3, knows, because: spoiled.or(cut) })
    }

    /// Whether something else than the service is too large a part of a quantile for it to be believed: more
    /// than a fifth of it was pacer lag; or could be time that the host stole, if that touched as many requests
    /// as lie beyond the quantile; or it is less than five times what a null target shows.
    fn spoiled(&self, parts: &Parts, part: Part, q: f64, ns: u64) -> Option<&'static str> {
        if part == Part::Lag {
            return None;
        }
        // Where the pacer was late the machine stood still, and then waits are longer too; service is not.
        let lag_ns = parts.quantile_ns(Part::Lag, q).unwrap_or_default();
        if part != Part::Service && lag_ns * FIFTH > ns {
            return Some("generator-limited");
        }
        if self.stolen.is_some_and(|stolen| stolen.share >= 1.0 - q && stolen.ns * FIFTH > ns) {
            return Some("host-limited");
        }
        let floor_ns = self.floor.as_ref()?.quantile_ns(part, q)?;
        (ns < floor_ns * FIFTH).then_some("at floor")
    }
}

/// Stolen time, and the share of requests that it can have touched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stolen {
    ns: u64,
    share: f64,
}

impl Stolen {
    /// Stolen time within a measured time. All of it may have been one pause of the one core that counts.
    pub fn within(ms: f64, duration: Duration) -> Stolen {
        Stolen { ns: (ms * 1e6) as u64, share: ms / 1e3 / duration.as_secs_f64() }
    }
}

/// Quantiles of a null target.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Floor {
    ns: [[Option<u64>; QUANTILES.len()]; Part::ALL.len()],
}

impl Floor {
    /// The quantiles of five blocks of requests, one after another, and of those the median: a single pause of
    /// the machine is in one block, and does not become the floor.
    pub fn of(entries: &[Entry]) -> Floor {
        const BLOCKS: usize = 5;
        let blocks: Vec<&[Entry]> = entries.chunks(entries.len().div_ceil(BLOCKS).max(1)).collect();
        let quantile = |part, q| median(blocks.iter().filter_map(|block| quantile(block, part, q)).collect());
        Floor { ns: Part::ALL.map(|part| QUANTILES.map(|(q, _)| quantile(part, q))) }
    }

    fn quantile_ns(&self, part: Part, q: f64) -> Option<u64> {
        let at = QUANTILES.iter().position(|(known, _)| *known == q)?;
        self.ns[part as usize][at]
    }
}

fn quantile(block: &[Entry], part: Part, q: f64) -> Option<u64> {
    let mut times: Vec<u64> = block.iter().filter_map(|entry| time(entry, part)).collect();
    times.sort_unstable();
    let rank = (q * times.len() as f64).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied()
}

/// A part of a request that was answered.
fn time(entry: &Entry, part: Part) -> Option<u64> {
    let (sent, polled, ended) = (entry.sent_ns?, entry.first_poll_ns?, entry.ended_ns?);
    let (from, to) = match part {
        Part::Response => (entry.intended_ns, ended),
        Part::Lag => (entry.intended_ns, sent),
        Part::Wait => (sent, polled),
        Part::Service => (polled, ended),
    };
    Some(to.saturating_sub(from))
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::super::requests::tests::{entry, requests};
    use super::*;

    fn reading(waits_us: impl Fn(u64) -> u64, doubt: &Doubt, part: Part, q: f64) -> Reading {
        let entries = (0..1_000).map(|i| entry(i, 1, Some(waits_us(i)), Some(49))).collect();
        doubt.reading(&requests(entries, Some(2_000)).parts, part, q).unwrap()
    }

    #[test]
    fn lag_spoils_response_and_wait_but_not_service() {
        let late = (0..100).map(|i| entry(i, 30, Some(50), Some(20))).collect();
        let late = requests(late, Some(900)).parts;
        let because = |part| Doubt::default().reading(&late, part, 0.5).unwrap().because;
        assert_eq!(because(Part::Response), Some("generator-limited"));
        assert_eq!(because(Part::Wait), Some("generator-limited"));
        assert_eq!((because(Part::Service), because(Part::Lag)), (None, None));
    }

    #[test]
    fn stolen_time_spoils_only_the_quantiles_that_it_can_have_touched() {
        let paused = |i| if i < 100 { 90_000 } else { 50 };
        let stolen = |ms| Doubt { stolen: Some(Stolen::within(ms, Duration::from_secs(1))), ..Doubt::default() };
        let because = |ms, q| reading(paused, &stolen(ms), Part::Response, q).because;
        assert_eq!(because(90.0, 0.99), Some("host-limited"), "a pause of 90 ms touches 9 % of the requests");
        assert_eq!(because(90.0, 0.5), None, "and not half of them");
        assert_eq!(because(10.0, 0.99), None, "10 ms do not make 90");
    }

    #[test]
    fn what_a_null_target_would_show_is_at_floor() {
        let floor: Vec<Entry> = (0..1_000).map(|i| entry(i, 1, Some(20), Some(9))).collect();
        let doubt = Doubt { floor: Some(Floor::of(&floor)), ..Doubt::default() };
        let at_floor = reading(|_| 50, &doubt, Part::Response, 0.5);
        assert_eq!((at_floor.knows, at_floor.because), (Knows::AtMost, Some("at floor")));
        assert_eq!(reading(|_| 50, &doubt, Part::Service, 0.5).because, None, "49 µs are over five times 9 µs");
        assert_eq!(reading(|_| 500, &doubt, Part::Response, 0.99).because, None);
    }

    #[test]
    fn a_pause_in_the_null_target_is_no_floor() {
        let floor = |paused: u64| {
            let wait = |i| if i / 200 < paused { 30_000 } else { 20 };
            let entries: Vec<Entry> = (0..1_000).map(|i| entry(i, 1, Some(wait(i)), Some(9))).collect();
            Floor::of(&entries).quantile_ns(Part::Wait, 0.99)
        };
        assert_eq!(floor(1), Some(20_000));
        assert_eq!(floor(4), Some(30_000_000), "a machine that pauses all the time has a high floor");
        assert_eq!(Floor::of(&[]).quantile_ns(Part::Wait, 0.5), None);
    }

    #[test]
    fn cut_and_spoiled_together_tell_nothing() {
        let stolen = Some(Stolen::within(1_000.0, Duration::from_secs(1)));
        let doubt = Doubt { stolen, ..Doubt::default() };
        let cut = requests((0..100).map(|i| entry(i, 1, None, None)).collect(), Some(200)).parts;
        assert_eq!(doubt.reading(&cut, Part::Response, 0.5).unwrap().knows, Knows::Nothing);
        assert_eq!(Doubt::default().reading(&cut, Part::Response, 0.5).unwrap().knows, Knows::AtLeast);
    }
}
