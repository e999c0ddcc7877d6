//! All requests of a run second by second, each part of their responses with its whole
//! distribution.

use crate::requests::open_log;
use crate::requests::parts::{Part, Parts};
use hdrhistogram::Histogram;
use lab_recording::folder::Recording;
use lab_recording::request_log::{self, Entry, Header};
use std::io;
use std::iter::Peekable;
use std::time::Duration;

/// How long each interval is.
const LENGTH: Duration = Duration::from_secs(1);

/// The requests that were due in one interval of the measured time.
#[derive(Clone, Debug)]
pub struct Interval {
    /// When it begins, after the measured time does.
    pub begin: Duration,
    /// How long it is.
    pub length: Duration,
    parts: Parts,
}

impl Interval {
    /// The distribution of each part, in nanoseconds. An unfinished request counts at its
    /// age.
    pub fn histograms(&self) -> impl Iterator<Item = (Part, &Histogram<u64>)> {
        Part::ALL.into_iter().map(|part| (part, self.parts.histogram(part)))
    }
}

/// The intervals of a run in which requests were sent, read one at a time. Nothing if the run has
/// no request log.
///
/// # Errors
/// If the log cannot be read or is none.
pub fn intervals(recording: &Recording) -> anyhow::Result<Option<Intervals<request_log::Entries>>> {
    let log = open_log(recording, request_log::REQUESTS)?;
    Ok(log.map(|(header, entries)| Intervals::new(header, entries, recording.outcome.ended_ns)))
}

/// Intervals as they are read. A log is in the order in which requests were due, so one of them is
/// in memory at a time.
pub struct Intervals<E: Iterator<Item = io::Result<Entry>>> {
    window_ns: u64,
    /// What ends later ended after the run had stopped waiting.
    end_ns: u64,
    offered_until_ns: u64,
    entries: Peekable<std::iter::Skip<E>>,
}

impl<E: Iterator<Item = io::Result<Entry>>> Intervals<E> {
    /// The intervals of a log that was read, of a run that ended at `ended_ns` where its log does
    /// not say so.
    pub fn new(header: Header, entries: E, ended_ns: Option<u64>) -> Intervals<E> {
        let end_ns = header.closed_ns.or(ended_ns).unwrap_or(u64::MAX);
        let offered_until_ns = header.stopped_ns.unwrap_or(u64::MAX).min(end_ns);
        let entries = entries.skip(header.excluded).peekable();
        Intervals { window_ns: header.window_ns, end_ns, offered_until_ns, entries }
    }

    fn number(&self, entry: &Entry) -> u64 {
        entry.intended_ns.saturating_sub(self.window_ns) / LENGTH.as_nanos() as u64
    }

    /// The next request if it was due before this, and while requests were offered.
    fn due_before(&mut self, ns: u64) -> Option<io::Result<Entry>> {
        let until = self.offered_until_ns.min(ns);
        self.entries.next_if(|entry| entry.as_ref().map_or(true, |entry| entry.intended_ns < until))
    }

    fn collect_from(&mut self, first: Entry) -> anyhow::Result<Interval> {
        let number = self.number(&first);
        let end_ns = self.window_ns + (number + 1) * LENGTH.as_nanos() as u64;
        let mut parts = Parts::new()?;
        parts.add(&first, self.end_ns);
        while let Some(entry) = self.due_before(end_ns) {
            parts.add(&entry?, self.end_ns);
        }
        let begin = LENGTH * u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Interval { begin, length: LENGTH, parts })
    }
}

impl<E: Iterator<Item = io::Result<Entry>>> Iterator for Intervals<E> {
    type Item = anyhow::Result<Interval>;

    fn next(&mut self) -> Option<anyhow::Result<Interval>> {
        match self.due_before(u64::MAX)? {
            Ok(first) => Some(self.collect_from(first)),
            Err(error) => Some(Err(error.into())),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::requests::log::tests::{entry, requests};

    const MS: u64 = 1_000_000;

    /// Ten requests in each of two seconds.
    pub fn two_seconds() -> Vec<anyhow::Result<Interval>> {
        of((0..20).map(|i| entry(i * 100, 1, Some(50), Some(49))).collect(), 5_000)
    }

    fn of(entries: Vec<Entry>, closed_ms: u64) -> Vec<anyhow::Result<Interval>> {
        let header = requests(Vec::new(), Some(closed_ms)).header;
        Intervals::new(header, entries.into_iter().map(Ok), None).collect()
    }

    fn count(interval: &Interval) -> u64 {
        interval.histograms().next().map_or(0, |(_, responses)| responses.len())
    }

    #[test]
    fn every_second_has_its_requests() {
        let all: Vec<Interval> = two_seconds().into_iter().map(Result::unwrap).collect();
        let counts: Vec<_> =
            all.iter().map(|interval| (interval.begin.as_secs(), count(interval))).collect();
        assert_eq!(counts, [(0, 10), (1, 10)]);
        assert!(
            all[1].histograms().all(|(_, histogram)| histogram.len() == 10),
            "each part of each request"
        );
    }

    #[test]
    fn what_was_not_offered_is_in_no_interval() {
        let mut entries: Vec<Entry> =
            (0..20).map(|i| entry(i * 100, 1, Some(50), Some(49))).collect();
        entries[15].ended_ns = Some(9_000 * MS);
        let all: Vec<Interval> = of(entries, 1_550).into_iter().map(Result::unwrap).collect();
        assert_eq!(
            all.iter().map(count).collect::<Vec<_>>(),
            [10, 6],
            "the last of them at its age"
        );
    }
}
