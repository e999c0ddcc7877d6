//! The response of each request, split by what it did meanwhile.
//!
//! ```text
//! intended     sent      first poll          begin   woken  polled              ended
//!    │ pacer lag │ first wait │     running    │ awaits │runnable│    running     │
//!    └───────────┴────────────┴────────────────┴────────┴────────┴────────────────┘
//! ```
//!
//! Each part ends where the next one begins, so their sum is the response exactly. *Example:* a
//! request is due at 0, sent at 1, polled at 3, awaits from 4 to 14, is polled again at 16 and ends
//! at 17: 1 of pacer lag, 2 of waiting for the first poll, 2 of running, 10 of awaiting, 2 of being
//! runnable, together 17.

use crate::stats::total;
use lab_recording::awaits::{Future, Kind, Record, Recording};
use lab_recording::request_log::Entry;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Time of requests by what they did, in nanoseconds. `Parts` of several requests are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// From the intended to the actual send time.
    pub lag_ns: u64,
    /// From there to the first poll.
    pub first_wait_ns: u64,
    /// In polls, and between them where no wait was recorded.
    pub running_ns: u64,
    /// From the end of a poll to the call of the waker.
    pub awaiting_ns: u64,
    /// From the call of the waker to the poll.
    pub runnable_ns: u64,
}

impl Parts {
    /// All of it: the response.
    pub fn total_ns(&self) -> u64 {
        let Parts { lag_ns, first_wait_ns, running_ns, awaiting_ns, runnable_ns } = self;
        total([*lag_ns, *first_wait_ns, *running_ns, *awaiting_ns, *runnable_ns])
    }

    fn add(&mut self, other: &Parts) {
        self.lag_ns = self.lag_ns.saturating_add(other.lag_ns);
        self.first_wait_ns = self.first_wait_ns.saturating_add(other.first_wait_ns);
        self.running_ns = self.running_ns.saturating_add(other.running_ns);
        self.awaiting_ns = self.awaiting_ns.saturating_add(other.awaiting_ns);
        self.runnable_ns = self.runnable_ns.saturating_add(other.runnable_ns);
    }
}

/// A request with its waits, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestWaits {
    /// The request's number.
    pub number: u32,
    /// Its response, split.
    pub parts: Parts,
    /// Its waits.
    pub waits: Vec<Record>,
}

/// The response of the answered requests of the measured time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Requests.
    pub requests: u64,
    /// Their time, added up.
    pub all: Parts,
    /// Those in the slowest hundredth, one at least.
    pub slowest_requests: u64,
    /// Their time, added up.
    pub slowest: Parts,
    /// The time of the slowest hundredth at each kind of place, by number in the list of places.
    #[serde(default)]
    pub slowest_at: Vec<(usize, u64)>,
    /// Answered requests that are left out, because a wait of theirs was not recorded.
    pub left_out: u64,
}

/// Splits the response of each answered request of the measured time, those with the longest
/// response first. `entries` are all requests of the log, by number; the first `excluded` of them
/// are the warm-up.
pub fn split(
    recording: &Recording,
    entries: &[Entry],
    excluded: usize,
) -> (Split, Vec<RequestWaits>) {
    let mut waits: HashMap<u32, Vec<Record>> = HashMap::new();
    for record in &recording.records {
        if let (Future::Request(number), Kind::Woken | Kind::Polled) = (record.future, record.kind)
        {
            waits.entry(number).or_default().push(*record);
        }
    }
    let mut requests = Vec::new();
    let mut split = Split::default();
    for (number, entry) in entries.iter().enumerate().skip(excluded) {
        if entry.lost || entry.ended_ns.is_none() || entry.ended_ns > recording.closed_ns {
            continue;
        }
        let waits = waits.remove(&(number as u32)).unwrap_or_default();
        match parts(entry, &waits, recording.start_ns) {
            Some(parts) => requests.push(RequestWaits { number: number as u32, parts, waits }),
            None => split.left_out += 1,
        }
    }
    requests.sort_by_key(|request| std::cmp::Reverse(request.parts.total_ns()));
    let slowest = requests.len().div_ceil(100);
    requests.iter().for_each(|request| split.all.add(&request.parts));
    requests[..slowest].iter().for_each(|request| split.slowest.add(&request.parts));
    split.requests = requests.len() as u64;
    split.slowest_requests = slowest as u64;
    (split, requests)
}

/// The parts of one request; none if it began before the recording, or if its waits do not fit into
/// it.
fn parts(entry: &Entry, waits: &[Record], start_ns: u64) -> Option<Parts> {
    let (sent, polled, ended) = (entry.sent_ns?, entry.first_poll_ns?, entry.ended_ns?);
    if polled < start_ns {
        return None;
    }
    let awaiting_ns = total(waits.iter().map(|wait| wait.awaited_ns));
    let runnable_ns = total(waits.iter().map(|wait| wait.runnable_ns));
    Some(Parts {
        lag_ns: sent.checked_sub(entry.intended_ns)?,
        first_wait_ns: polled.checked_sub(sent)?,
        running_ns: ended
            .checked_sub(polled)?
            .checked_sub(awaiting_ns.saturating_add(runnable_ns))?,
        awaiting_ns,
        runnable_ns,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lab_recording::awaits::Waker;
    use proptest::prelude::*;

    pub fn wait(begin_ns: u64, awaited_ns: u64, runnable_ns: u64) -> Record {
        Record {
            kind: Kind::Woken,
            future: Future::Request(0),
            place: 1,
            leaf: 0,
            waker: Waker::Outside,
            waker_stack: 2,
            begin_ns,
            awaited_ns,
            runnable_ns,
        }
    }

    pub fn entry(intended_ns: u64, sent: u64, polled: u64, ended: u64) -> Entry {
        Entry {
            intended_ns,
            sent_ns: Some(sent),
            first_poll_ns: Some(polled),
            ended_ns: Some(ended),
            lost: false,
            error: false,
        }
    }

    #[test]
    fn the_example_of_the_documentation() {
        let recording = Recording {
            closed_ns: Some(99),
            records: vec![wait(4, 10, 2)],
            ..Recording::default()
        };
        let (split, requests) = split(&recording, &[entry(0, 1, 3, 17)], 0);
        let parts =
            Parts { lag_ns: 1, first_wait_ns: 2, running_ns: 2, awaiting_ns: 10, runnable_ns: 2 };
        assert_eq!((requests[0].parts, parts.total_ns()), (parts, 17));
        assert_eq!((split.requests, split.slowest, split.left_out), (1, parts, 0));
    }

    #[test]
    fn what_began_before_the_recording_or_was_not_answered_is_left_out() {
        let recording = Recording { start_ns: 50, closed_ns: Some(99), ..Recording::default() };
        let unanswered = Entry { ended_ns: None, ..entry(60, 61, 62, 0) };
        let late = entry(60, 61, 62, 100);
        let lost = Entry { lost: true, ..entry(60, 61, 62, 63) };
        let entries = [entry(40, 41, 42, 60), unanswered, late, lost, entry(60, 61, 62, 63)];
        let (split, requests) = split(&recording, &entries, 0);
        assert_eq!((split.requests, split.left_out, requests[0].number), (1, 1, 4));
        assert_eq!(super::split(&recording, &entries, 5).0.requests, 0, "all are warm-up");
    }

    proptest! {
        #[test]
        fn the_sum_of_the_parts_is_the_response(
            steps in prop::collection::vec((0_u64..1 << 22, 0_u64..1 << 22, 0_u64..1 << 22), 0..20),
            lag in 0_u64..1_000_000,
            first in 0_u64..1_000_000,
        ) {
            let intended = 10_000;
            let mut now = intended + lag + first;
            let polled = now;
            let mut records = Vec::new();
            for (running, awaited, runnable) in steps {
                now += running;
                // As it is read back from the file.
                let words = wait(now, awaited, runnable).to_words().unwrap();
                records.push(Record::from_words(words).unwrap());
                now += awaited + runnable;
            }
            let entry = entry(intended, intended + lag, polled, now + 7);
            let recording = Recording { closed_ns: Some(u64::MAX), records, ..Recording::default() };
            let (split, _) = split(&recording, &[entry], 0);
            prop_assert_eq!(split.all.total_ns(), now + 7 - intended);
        }
    }
}
