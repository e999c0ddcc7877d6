//! How responses develop while a run lasts: the median and the slowest one of each slice of the
//! measured time.

use crate::requests::parts::LONGEST_NS;
use hdrhistogram::Histogram;
use lab_recording::request_log::Entry;
use std::time::Duration;

/// So many slices has the measured time: enough to see a freeze begin and end, and few
/// enough to be told apart.
pub const SLICES: usize = 60;

/// The requests that were due in one slice of the measured time.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Which slice it is, from 0. The same number is the same time in every run of one load.
    pub number: usize,
    /// Its middle, in seconds after the measured time began.
    pub at_s: f64,
    /// The median of their responses; what is unanswered counts at its age.
    pub p50_us: f64,
    /// The slowest of their responses.
    pub max_us: f64,
    /// How many they are.
    pub requests: u64,
    /// How many of them were answered with an error.
    pub errors: u64,
    /// How many of them were dropped without an answer.
    pub lost: u64,
}

/// Responses by slice while a log is read. As large for a long log as for a short one.
pub struct OverTime {
    begin_ns: u64,
    slice_ns: f64,
    slices: Vec<Histogram<u64>>,
    errors: [u64; SLICES],
    lost: [u64; SLICES],
}

impl OverTime {
    /// Empty slices. The planned time is divided and not the time that it took, so that runs that
    /// were cut off have the same slices as the others.
    pub fn new(begin_ns: u64, duration: Duration) -> anyhow::Result<OverTime> {
        let empty = || Histogram::new_with_max(LONGEST_NS, 2);
        let slices = (0..SLICES).map(|_| empty()).collect::<Result<_, _>>()?;
        Ok(OverTime {
            begin_ns,
            slice_ns: (duration.as_nanos() as f64 / SLICES as f64).max(1.0),
            slices,
            errors: [0; SLICES],
            lost: [0; SLICES],
        })
    }

    /// Adds a response to the slice that its request was due in, if it was sent at all. What ends
    /// after `end_ns` is unanswered.
    pub fn add(&mut self, entry: &Entry, response_ns: Option<u64>, end_ns: u64) {
        let Some(ns) = response_ns else { return };
        let due_ns = entry.intended_ns.saturating_sub(self.begin_ns);
        let slice = ((due_ns as f64 / self.slice_ns) as usize).min(SLICES - 1);
        self.slices[slice].saturating_record(ns);
        let ended = entry.ended_ns.is_some_and(|ended| ended <= end_ns);
        self.errors[slice] += u64::from(ended && entry.error);
        self.lost[slice] += u64::from(ended && entry.lost);
    }

    /// What there is to say of each slice, those without requests left out.
    pub fn into_slices(self) -> Vec<Slice> {
        let some = self.slices.iter().enumerate().filter(|(_, responses)| !responses.is_empty());
        some.map(|(number, responses)| Slice {
            number,
            at_s: (number as f64 + 0.5) * self.slice_ns / 1e9,
            p50_us: responses.value_at_quantile(0.5) as f64 / 1e3,
            max_us: responses.max() as f64 / 1e3,
            requests: responses.len(),
            errors: self.errors[number],
            lost: self.lost[number],
        })
        .collect()
    }
}

/// When something was counted: from the first slice that has it to the last, in seconds after the
/// measured time began. None if there is none.
///
/// *Example:* of a load of 6 s, slices of 0.1 s have errors from the fourth to the tenth: 0.3 to 1.0.
pub fn between(slices: &[Slice], count: fn(&Slice) -> u64) -> Option<(f64, f64)> {
    let with = || slices.iter().filter(|slice| count(slice) > 0);
    let (first, last) = (with().next()?, with().next_back()?);
    // The middle of the slice that has the number n is n and a half slices after the begin.
    let half_s = first.at_s / (2 * first.number + 1) as f64;
    Some((first.at_s - half_s, last.at_s + half_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::log::tests::{entry, requests};

    fn near(value: f64, wanted: f64) -> bool {
        (value / wanted - 1.0).abs() < 0.01
    }

    #[test]
    fn each_slice_tells_the_median_and_the_slowest_of_the_requests_due_in_it() {
        // One millisecond apart for a second, so 16 or 17 in each of 60 slices; those of the first
        // half take 100 µs and every tenth of them 3 ms, those of the second half take 200 µs.
        let service = |i| if i >= 500 { 200 } else { [3_000, 100][usize::from(i % 10 != 0)] };
        let slices = requests(
            (0..1_000).map(|i| entry(i, 0, Some(0), Some(service(i)))).collect(),
            Some(2_000),
        )
        .over_time;
        assert_eq!(slices.len(), SLICES);
        assert_eq!(slices.iter().map(|slice| slice.requests).sum::<u64>(), 1_000);
        assert!(
            slices[..30].iter().all(|s| near(s.p50_us, 100.0) && near(s.max_us, 3_000.0)),
            "{slices:#?}"
        );
        assert!(
            slices[30..].iter().all(|s| near(s.p50_us, 200.0) && near(s.max_us, 200.0)),
            "{slices:#?}"
        );
        assert!(near(slices[0].at_s, 0.5 / 60.0) && near(slices[59].at_s, 59.5 / 60.0));
    }

    #[test]
    fn a_slice_without_requests_is_left_out_and_the_others_keep_their_places() {
        let due = (0..1_000).filter(|i| !(100..300).contains(i));
        let slices =
            requests(due.map(|i| entry(i, 0, Some(0), Some(100))).collect(), Some(2_000)).over_time;
        let numbers: Vec<usize> = slices.iter().map(|slice| slice.number).collect();
        assert_eq!(numbers, [(0..6).collect::<Vec<_>>(), (18..60).collect()].concat());
        assert!(near(slices[6].at_s, 18.5 / 60.0));
    }

    #[test]
    fn errors_and_dropped_requests_have_a_time() {
        let entries: Vec<Entry> = (0..1_000).map(|i| entry(i, 0, Some(0), Some(100))).collect();
        assert_eq!(between(&requests(entries, Some(2_000)).over_time, |slice| slice.errors), None);
        let entries = (0..1_000).map(|i| Entry {
            error: (300..500).contains(&i),
            lost: (700..800).contains(&i),
            ..entry(i, 0, Some(0), Some(100))
        });
        let slices = requests(entries.collect(), Some(2_000)).over_time;
        let (from_s, to_s) = between(&slices, |slice| slice.errors).unwrap();
        assert!(near(from_s, 0.3) && near(to_s, 0.5), "{from_s} {to_s}");
        let (from_s, to_s) = between(&slices, |slice| slice.lost).unwrap();
        assert!(near(from_s, 0.7) && near(to_s, 0.8), "{from_s} {to_s}");
    }

    #[test]
    fn what_is_unanswered_counts_at_its_age() {
        let entries = (0..100).map(|i| entry(i, 0, None, None)).collect();
        let first = requests(entries, Some(400)).over_time.remove(0);
        assert!(near(first.max_us, 400_000.0) && first.p50_us < 400_000.0, "{first:?}");
        assert!(requests(vec![], Some(400)).over_time.is_empty());
    }
}
