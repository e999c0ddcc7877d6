//! The result of a closed-loop benchmark of the same run: a client that sends its next
//! request when the last one is answered, and times each from the moment at which it was really
//! sent.
//!
//! It waits out every stall together with the service, so it sends one request during a stall of a
//! second, where independent clients would have sent thousands, and calls the stall rare. That is
//! coordinated omission.

use crate::requests::parts::{LONGEST_NS, QUANTILES, quantile};
use hdrhistogram::Histogram;
use lab_recording::request_log::Entry;

/// Selects the requests that one closed-loop client would have sent.
#[derive(Clone, Debug)]
pub struct Client {
    seen: Histogram<u64>,
    /// The time of its last answer: it sends nothing before.
    free_ns: u64,
}

/// The times that it reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Naive {
    /// Requests that it would have sent.
    pub sent: u64,
    /// Its quantiles in microseconds, as [`QUANTILES`] lists them; absent where it has too few
    /// requests.
    pub us: [Option<f64>; QUANTILES.len()],
}

impl Client {
    pub fn new() -> anyhow::Result<Client> {
        Ok(Client { seen: Histogram::new_with_max(LONGEST_NS, 3)?, free_ns: 0 })
    }

    /// Looks at the next request of the schedule. An answer after `end_ns` is none, and neither is
    /// a lost one.
    pub fn see(&mut self, entry: &Entry, end_ns: u64) {
        let Some(sent_ns) = entry.sent_ns.filter(|sent| *sent >= self.free_ns) else { return };
        match entry.ended_ns.filter(|ended| *ended <= end_ns && !entry.lost) {
            Some(ended_ns) => {
                self.seen.saturating_record(ended_ns.saturating_sub(sent_ns));
                self.free_ns = ended_ns;
            }
            // It would wait for this one to the end, and never tell.
            None => self.free_ns = u64::MAX,
        }
    }

    /// The result; none without any answer.
    pub fn report(&self) -> Option<Naive> {
        let us = |q: f64| quantile(&self.seen, q).map(|ns| ns as f64 / 1e3);
        (!self.seen.is_empty())
            .then(|| Naive { sent: self.seen.len(), us: QUANTILES.map(|(q, _)| us(q)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::log::tests::entry;

    fn report(entries: impl IntoIterator<Item = Entry>) -> Option<Naive> {
        let mut client = Client::new().unwrap();
        entries.into_iter().for_each(|entry| client.see(&entry, u64::MAX));
        client.report()
    }

    #[test]
    fn without_a_stall_it_sees_what_everybody_sees() {
        let naive = report((0..1_000).map(|i| entry(i, 1, Some(50), Some(49)))).unwrap();
        assert_eq!(naive.sent, 1_000);
        assert!(
            (naive.us[0].unwrap() / 99.0 - 1.0).abs() < 0.01,
            "from when it was sent: {naive:?}"
        );
    }

    #[test]
    fn a_stall_of_half_the_run_is_one_request_to_it() {
        // All that are due between 200 and 700 ms are answered at 700 ms.
        let wait_us = |i: u64| if (200..700).contains(&i) { (700 - i) * 1_000 } else { 50 };
        let naive = report((0..1_000).map(|i| entry(i, 0, Some(wait_us(i)), Some(0)))).unwrap();
        assert_eq!(naive.sent, 501);
        assert!(
            naive.us[1].unwrap() < 100.0,
            "p90 hides a stall that half of all requests met: {naive:?}"
        );
        assert!(naive.us[4].unwrap() > 490_000.0);
    }

    #[test]
    fn an_answer_that_never_comes_ends_its_report() {
        let entries = (0..100).map(|i| entry(i, 0, Some(10), (i != 40).then_some(0)));
        assert_eq!(report(entries).unwrap().sent, 40);
        assert_eq!(report([entry(0, 0, None, None)]), None);
    }
}
