//! Reasons for which a quantile is only a bound: the load generator, the host, the floor, and
//! requests that were cut off.

use crate::requests::Reading;
use crate::requests::parts::{Part, Parts, QUANTILES};
use crate::stats::total;
use lab_recording::request_log::Entry;
use std::time::Duration;

/// A disturbance below this part of a quantile does not change it.
const FIFTH: u64 = 5;

/// The conditions of a run.
#[derive(Clone, Debug, Default)]
pub struct Doubt {
    /// The latency of a null target.
    pub floor: Option<Floor>,
    /// CPU time that the host took away meanwhile.
    pub stolen: Option<Stolen>,
}

impl Doubt {
    /// A quantile in microseconds, with the range in which the truth lies.
    ///
    /// Below it there is doubt if something else than the service may have made it: then the truth
    /// is less by as much. Above it there is doubt if requests were cut off at this age or before.
    pub fn reading(&self, parts: &Parts, part: Part, q: f64) -> Option<Reading> {
        let ns = parts.quantile_ns(part, q)?;
        let value = ns as f64 / 1e3;
        let doubtful = self
            .doubtful(parts, part, q)
            .filter(|(_, doubtful_ns)| doubtful_ns.saturating_mul(FIFTH) > ns);
        let cut = parts.is_cut(part, ns);
        Some(Reading {
            value,
            low: value - doubtful.map_or(0.0, |(_, doubtful_ns)| doubtful_ns.min(ns) as f64 / 1e3),
            high: if cut { f64::INFINITY } else { value },
            because: match (doubtful, cut) {
                (None, false) => None,
                (Some((why, _)), false) => Some(why),
                (None, true) => Some("cut off unanswered"),
                (Some(_), true) => Some("cut off unanswered, and doubtful"),
            },
        })
    }

    /// The time that something else than the service may have added to a quantile, named after its
    /// largest part: the pacer's lag; time that the host stole, if that touched as many requests as
    /// lie beyond the quantile; what a null target shows.
    fn doubtful(&self, parts: &Parts, part: Part, q: f64) -> Option<(&'static str, u64)> {
        if part == Part::Lag {
            return None;
        }
        // Where the pacer was late the machine stood still, and then waits are longer too; service
        // is not.
        let lag = parts.quantile_ns(Part::Lag, q).filter(|_| part != Part::Service);
        let stolen = self.stolen.filter(|stolen| stolen.share >= 1.0 - q).map(|stolen| stolen.ns);
        let floor = self.floor.as_ref().and_then(|floor| floor.quantile_ns(part, q));
        let all = [("generator-limited", lag), ("host-limited", stolen), ("at floor", floor)];
        let (why, _) =
            all.iter().filter_map(|(why, ns)| Some((*why, (*ns)?))).max_by_key(|(_, ns)| *ns)?;
        Some((why, total(all.iter().filter_map(|(_, ns)| *ns))))
    }
}

/// Stolen time, and the share of requests that it can have touched.
#[derive(Clone, Copy, Debug)]
pub struct Stolen {
    ns: u64,
    share: f64,
}

impl Stolen {
    /// Stolen time within a measured time. All of it may have been one pause of the one core that
    /// counts.
    pub fn within(ms: f64, duration: Duration) -> Stolen {
        Stolen { ns: (ms * 1e6) as u64, share: ms / 1e3 / duration.as_secs_f64() }
    }
}

/// Quantiles of a null target.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    ns: [[Option<u64>; QUANTILES.len()]; Part::ALL.len()],
}

impl Floor {
    /// The quantiles of five blocks of requests, one after another, and of those the median: a
    /// single pause of the machine is in one block, and does not become the floor.
    pub fn from_entries(entries: &[Entry]) -> Floor {
        const BLOCKS: usize = 5;
        let blocks: Vec<&[Entry]> = entries.chunks(entries.len().div_ceil(BLOCKS).max(1)).collect();
        let quantile =
            |part, q| median(blocks.iter().filter_map(|block| quantile(block, part, q)).collect());
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
    use super::*;
    use crate::requests::log::tests::{entry, requests};

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
        let stolen = |ms| Doubt {
            stolen: Some(Stolen::within(ms, Duration::from_secs(1))),
            ..Doubt::default()
        };
        let because = |ms, q| reading(paused, &stolen(ms), Part::Response, q).because;
        assert_eq!(
            because(90.0, 0.99),
            Some("host-limited"),
            "a pause of 90 ms touches 9 % of the requests"
        );
        assert_eq!(because(90.0, 0.5), None, "and not half of them");
        assert_eq!(because(10.0, 0.99), None, "10 ms do not make 90");
    }

    #[test]
    fn what_a_null_target_would_show_is_at_floor() {
        let floor: Vec<Entry> = (0..1_000).map(|i| entry(i, 1, Some(20), Some(9))).collect();
        let doubt = Doubt { floor: Some(Floor::from_entries(&floor)), ..Doubt::default() };
        let at_floor = reading(|_| 50, &doubt, Part::Response, 0.5);
        assert_eq!(at_floor.because, Some("at floor"));
        assert!(at_floor.low < at_floor.high && at_floor.high == at_floor.value, "{at_floor:?}");
        assert_eq!(
            reading(|_| 50, &doubt, Part::Service, 0.5).because,
            None,
            "49 µs are over five times 9 µs"
        );
        assert_eq!(reading(|_| 500, &doubt, Part::Response, 0.99).because, None);
    }

    #[test]
    fn a_pause_in_the_null_target_is_no_floor() {
        let floor = |paused: u64| {
            let wait = |i| if i / 200 < paused { 30_000 } else { 20 };
            let entries: Vec<Entry> =
                (0..1_000).map(|i| entry(i, 1, Some(wait(i)), Some(9))).collect();
            Floor::from_entries(&entries).quantile_ns(Part::Wait, 0.99)
        };
        assert_eq!(floor(1), Some(20_000));
        assert_eq!(
            floor(4),
            Some(30_000_000),
            "a machine that pauses all the time has a high floor"
        );
        assert_eq!(Floor::from_entries(&[]).quantile_ns(Part::Wait, 0.5), None);
    }

    #[test]
    fn doubt_lies_below_a_value_and_what_was_cut_off_above_it() {
        let doubt = Doubt {
            stolen: Some(Stolen::within(90.0, Duration::from_secs(1))),
            ..Doubt::default()
        };
        let paused = reading(|i| if i < 100 { 120_000 } else { 50 }, &doubt, Part::Response, 0.99);
        assert_eq!(paused.high, paused.value);
        let may_be_less = paused.value - paused.low;
        assert!(
            (may_be_less - 90_001.0).abs() < 1.0,
            "90 ms of it the host's, 1 µs the pacer's: {paused:?}"
        );
        let cut = requests((0..100).map(|i| entry(i, 1, None, None)).collect(), Some(200)).parts;
        let cut = Doubt::default().reading(&cut, Part::Response, 0.5).unwrap();
        assert_eq!((cut.low, cut.high), (cut.value, f64::INFINITY));
    }
}
