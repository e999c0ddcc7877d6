//! The totals of a request log: counts, parts of responses, CPU time of the pacer.

use crate::requests::Reading;
use crate::requests::doubt::Doubt;
use crate::requests::naive::Client;
use crate::requests::over_time::{OverTime, Slice};
use crate::requests::parts::{LONGEST_NS, Part, Parts, QUANTILES};
use hdrhistogram::Histogram;
use lab_recording::request_log::{Entry, Header};
use std::collections::BTreeMap;
use std::time::Duration;

/// The sum of a request log. Counts are of measured requests; the warm-up is left out.
#[derive(Clone, Debug)]
pub struct Requests {
    pub header: Header,
    pub parts: Parts,
    /// The same requests as a closed-loop client would have met them.
    pub client: Client,
    /// Due while the run lasted.
    pub offered: u64,
    /// Sent by the pacer.
    pub sent: u64,
    /// Taken by the runtime and polled at least once.
    pub accepted: u64,
    pub completed: u64,
    /// Of those, with an error.
    pub errors: u64,
    /// Dropped unanswered by the variant.
    pub lost: u64,
    /// Neither answered nor lost when the run stopped waiting.
    pub unfinished: u64,
    /// Requests whose slots the file lacks: it was cut off after it was written.
    pub missing: usize,
    /// Sent in each [`SLICES`]th of the measured time: for the check of Poisson arrivals.
    pub sent_in: Vec<u64>,
    /// Median response of the first and of the last third of the measured time.
    pub thirds_p50_us: Option<(f64, f64)>,
    /// The responses of each slice of the measured time.
    pub over_time: Vec<Slice>,
    /// The length of the measured time: shorter than planned if the run was cut off.
    pub measured: Duration,
    last_end_ns: u64,
    slice_ns: u64,
}

/// Slices of the measured time in which sent requests are counted.
pub const SLICES: usize = 4_096;

impl Requests {
    /// Collects a log over a measured time of `duration`. `ended_ns` is when the process was gone,
    /// for logs that nobody closed.
    pub fn collect(
        header: Header,
        entries: impl Iterator<Item = std::io::Result<Entry>>,
        duration: Duration,
        ended_ns: Option<u64>,
    ) -> anyhow::Result<Requests> {
        let end_ns = header.closed_ns.or(ended_ns).unwrap_or(u64::MAX);
        let offered_until_ns = header.stopped_ns.unwrap_or(u64::MAX).min(end_ns);
        let lasted = Duration::from_nanos(offered_until_ns.saturating_sub(header.window_ns));
        let mut all = Requests::none(header, lasted.min(duration))?;
        let mut read = all.header.excluded;
        let mut over_time = OverTime::new(all.header.window_ns, duration)?;
        let mut thirds = Thirds::new(header.scheduled.saturating_sub(header.excluded))?;
        for (number, entry) in entries.enumerate().skip(header.excluded) {
            let entry = entry?;
            read = number + 1;
            if entry.intended_ns < offered_until_ns {
                let response_ns = all.add(&entry, end_ns);
                all.client.see(&entry, end_ns);
                over_time.add(&entry, response_ns, end_ns);
                thirds.add(number - header.excluded, response_ns);
            }
        }
        all.thirds_p50_us = thirds.medians_us();
        all.missing = all.header.scheduled.saturating_sub(read);
        all.over_time = over_time.into_slices();
        Ok(all)
    }

    fn none(header: Header, measured: Duration) -> anyhow::Result<Requests> {
        Ok(Requests {
            header,
            parts: Parts::new()?,
            client: Client::new()?,
            offered: 0,
            sent: 0,
            accepted: 0,
            completed: 0,
            errors: 0,
            lost: 0,
            unfinished: 0,
            missing: 0,
            sent_in: vec![0; SLICES],
            thirds_p50_us: None,
            over_time: Vec::new(),
            measured,
            last_end_ns: header.window_ns,
            slice_ns: (measured.as_nanos() as u64 / SLICES as u64).max(1),
        })
    }

    /// Adds one request; what is unanswered counts at its age. Returns its response.
    fn add(&mut self, entry: &Entry, end_ns: u64) -> Option<u64> {
        self.offered += 1;
        let sent_ns = entry.sent_ns.filter(|sent| *sent <= end_ns)?;
        self.sent += 1;
        let slice = (sent_ns.saturating_sub(self.header.window_ns) / self.slice_ns) as usize;
        self.sent_in[slice.min(SLICES - 1)] += 1;
        self.accepted += u64::from(entry.first_poll_ns.is_some_and(|polled| polled <= end_ns));
        let ended = entry.ended_ns.filter(|ended| *ended <= end_ns);
        let answered = ended.filter(|_| !entry.lost);
        self.errors += u64::from(answered.is_some() && entry.error);
        match (answered, ended) {
            (Some(_), _) => self.completed += 1,
            (None, Some(_)) => self.lost += 1,
            (None, None) => self.unfinished += 1,
        }
        self.last_end_ns = self.last_end_ns.max(ended.unwrap_or(end_ns));
        self.parts.add(entry, end_ns)
    }

    /// Adds the metrics that requests give.
    pub fn add_metrics(&self, doubt: &Doubt, metrics: &mut BTreeMap<String, Reading>) {
        self.add_counts(metrics);
        for part in Part::ALL {
            for (q, suffix) in QUANTILES {
                if let Some(reading) = doubt.reading(&self.parts, part, q) {
                    metrics.insert(part.metric(suffix), reading);
                }
            }
        }
        let wall_ns = self.last_end_ns.saturating_sub(self.header.window_ns);
        metrics.insert("wall_ms".into(), Reading::exact(wall_ns as f64 / 1e6));
        if let Some(cpu_ns) = self.header.cpu_ns.filter(|_| self.completed > 0) {
            let per_op = cpu_ns as f64 / 1e3 / self.completed as f64;
            metrics.insert("cpu_us_per_op".into(), Reading::exact(per_op));
        }
        if let Some(allocs) = self.header.allocs.filter(|_| self.completed > 0) {
            let per_op = |n: u64| Reading::exact(n as f64 / self.completed as f64);
            metrics.insert("allocs_per_op".into(), per_op(allocs.allocs));
            metrics.insert("alloc_bytes_per_op".into(), per_op(allocs.bytes));
        }
        self.add_pacer_metrics(metrics);
    }

    fn add_counts(&self, metrics: &mut BTreeMap<String, Reading>) {
        let counts = [
            ("offered", self.offered),
            ("sent", self.sent),
            ("accepted", self.accepted),
            ("completed", self.completed),
            ("errors", self.errors),
            ("lost", self.lost),
            ("unfinished", self.unfinished),
        ];
        metrics.extend(counts.map(|(name, count)| (name.to_owned(), Reading::exact(count as f64))));
    }

    /// The CPU time of sending: injecting, and waking a sleeping runtime. Of all requests, the
    /// warm-up's too.
    fn add_pacer_metrics(&self, metrics: &mut BTreeMap<String, Reading>) {
        let Some((share, pacer)) = self.pacer_work_share().zip(self.header.pacer) else { return };
        let per_op = |ns: u64| Reading::exact(ns as f64 / 1e3 / self.header.scheduled as f64);
        metrics.insert("pacer_work_share".into(), Reading::exact(share));
        metrics.insert(
            "pacer_inject_us_per_op".into(),
            per_op(pacer.send_ns.saturating_sub(pacer.wake_ns)),
        );
        metrics.insert("pacer_wake_us_per_op".into(), per_op(pacer.wake_ns));
    }

    /// The share of its time that the pacer spent sending and not waiting for a deadline.
    pub fn pacer_work_share(&self) -> Option<f64> {
        let pacer = self.header.pacer?;
        Some(pacer.send_ns as f64 / pacer.wall_ns as f64)
    }
}

/// Responses of the first and the last third of the requests: do they grow with the duration?
struct Thirds {
    third: usize,
    first: Histogram<u64>,
    last: Histogram<u64>,
}

impl Thirds {
    fn new(requests: usize) -> anyhow::Result<Thirds> {
        let empty = || Histogram::new_with_max(LONGEST_NS, 2);
        Ok(Thirds { third: requests / 3, first: empty()?, last: empty()? })
    }

    fn add(&mut self, number: usize, response_ns: Option<u64>) {
        let Some(ns) = response_ns else { return };
        if number < self.third {
            self.first.saturating_record(ns);
        } else if number >= 2 * self.third {
            self.last.saturating_record(ns);
        }
    }

    fn medians_us(&self) -> Option<(f64, f64)> {
        let median =
            |h: &Histogram<u64>| (h.len() >= 20).then(|| h.value_at_quantile(0.5) as f64 / 1e3);
        median(&self.first).zip(median(&self.last))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    /// A log of requests one millisecond apart that starts at 1 s and was closed at `closed_ms`
    /// after that.
    pub fn requests(entries: Vec<Entry>, closed_ms: Option<u64>) -> Requests {
        let header = Header {
            stopped_ns: None,
            allocs: None,
            scheduled: entries.len(),
            excluded: 0,
            start_ns: 1_000 * MS,
            window_ns: 1_000 * MS,
            closed_ns: closed_ms.map(|ms| (1_000 + ms) * MS),
            pacer: None,
            cpu_ns: None,
            held: None,
            spins: true,
            cores: 2,
            spec: None,
        };
        Requests::collect(header, entries.into_iter().map(Ok), Duration::from_secs(1), None)
            .unwrap()
    }

    /// The request of this number: lag, wait and service in microseconds; `None` if it did not get
    /// so far.
    pub fn entry(number: u64, lag: u64, wait: Option<u64>, service: Option<u64>) -> Entry {
        let intended_ns = (1_000 + number) * MS;
        let sent_ns = intended_ns + lag * 1_000;
        let first_poll_ns = wait.map(|wait| sent_ns + wait * 1_000);
        let ended_ns = first_poll_ns.zip(service).map(|(polled, service)| polled + service * 1_000);
        Entry {
            intended_ns,
            sent_ns: Some(sent_ns),
            first_poll_ns,
            ended_ns,
            lost: false,
            error: false,
        }
    }

    fn reading(requests: &Requests, part: Part, q: f64) -> Option<Reading> {
        Doubt::default().reading(&requests.parts, part, q)
    }

    fn quick(n: u64) -> Vec<Entry> {
        (0..n).map(|i| entry(i, 1, Some(50), Some(49))).collect()
    }

    #[test]
    fn a_response_is_lag_wait_and_service_together() {
        let all = requests(quick(1_000), Some(2_000));
        let p50 = |part| reading(&all, part, 0.5).unwrap().value.round();
        assert_eq!(Part::ALL.map(p50), [100.0, 1.0, 50.0, 49.0]);
        assert_eq!((all.offered, all.completed, all.unfinished), (1_000, 1_000, 0));
    }

    #[test]
    fn a_quantile_needs_ten_requests_beyond_it() {
        let has =
            |n, q| requests(quick(n), Some(9_000)).parts.quantile_ns(Part::Response, q).is_some();
        assert!(has(1_000, 0.99) && !has(999, 0.99));
        assert!(has(20, 0.5) && !has(19, 0.5));
        assert!(!has(1_000, 0.999) && has(1, 1.0));
    }

    #[test]
    fn what_is_unanswered_counts_at_its_age_and_makes_bounds() {
        let mut entries = quick(1_000);
        entries[900] = entry(900, 1, Some(50), None); // polled, not answered: 100 ms old at the end
        entries[950] = entry(950, 1, None, None); // never polled
        let all = requests(entries, Some(1_000));
        assert_eq!((all.completed, all.unfinished, all.lost), (998, 2, 0));
        let quantile = |q| reading(&all, Part::Response, q).unwrap();
        assert_eq!(quantile(0.5).because, None, "the cut ones lie beyond it");
        assert_eq!(quantile(1.0).high, f64::INFINITY);
        assert!((quantile(1.0).value / 100_000.0 - 1.0).abs() < 0.01, "{:?}", quantile(1.0));
    }

    #[test]
    fn an_answer_after_the_end_is_no_answer_and_a_lost_one_is_told_apart() {
        let mut entries = quick(100);
        entries[98].ended_ns = Some(9_000 * MS);
        entries[99].lost = true;
        let all = requests(entries, Some(200));
        assert_eq!((all.completed, all.unfinished, all.lost), (98, 1, 1));
    }

    #[test]
    fn an_answer_that_is_an_error_is_an_answer_with_its_own_latency() {
        let mut entries = quick(100);
        entries.iter_mut().step_by(2).for_each(|entry| entry.error = true);
        let all = requests(entries, Some(5_000));
        assert_eq!((all.completed, all.errors, all.lost, all.unfinished), (100, 50, 0, 0));
        assert_eq!(
            reading(&all, Part::Response, 1.0).unwrap().value,
            reading(&requests(quick(100), Some(5_000)), Part::Response, 1.0).unwrap().value
        );
    }

    #[test]
    fn a_load_that_was_stopped_offered_nothing_after_that() {
        let mut entries = quick(1_000);
        entries[399].first_poll_ns = None; // sent, and never taken
        for unsent in &mut entries[400..] {
            (unsent.sent_ns, unsent.first_poll_ns, unsent.ended_ns) = (None, None, None);
        }
        let mut header = requests(vec![], Some(900)).header;
        header.stopped_ns = Some(1_400 * MS);
        let entries = entries.into_iter().map(Ok);
        let all = Requests::collect(header, entries, Duration::from_secs(1), None).unwrap();
        assert_eq!((all.offered, all.sent, all.accepted), (400, 400, 399));
        assert_eq!(all.measured, Duration::from_millis(400));
    }

    #[test]
    fn requests_that_were_not_due_before_a_kill_were_not_offered() {
        let mut entries = quick(1_000);
        for late in &mut entries[400..] {
            (late.sent_ns, late.first_poll_ns, late.ended_ns) = (None, None, None);
        }
        let all = requests(entries, Some(400));
        assert_eq!((all.offered, all.sent), (400, 400));
    }

    proptest! {
        #[test]
        fn histograms_keep_every_quantile_within_three_digits(us in prop::collection::vec(1u64..5_000_000, 1_000)) {
            let entries = us.iter().enumerate().map(|(i, us)| entry(i as u64, 0, Some(*us), Some(0))).collect();
            let all = requests(entries, Some(60_000));
            let mut sorted = us;
            sorted.sort_unstable();
            for (q, _) in QUANTILES {
                let Some(reading) = reading(&all, Part::Response, q) else { continue };
                let rank = ((q * 1_000.0).ceil() as usize).clamp(1, 1_000) - 1;
                prop_assert!((reading.value / sorted[rank] as f64 - 1.0).abs() < 0.001, "q {q}");
            }
        }

        #[test]
        fn a_cut_request_never_makes_a_bound_exact(us in prop::collection::vec(1u64..90_000, 200), cut in 0usize..200) {
            let mut entries: Vec<Entry> = us.iter().enumerate().map(|(i, us)| entry(i as u64, 0, Some(*us), Some(0))).collect();
            let full = requests(entries.clone(), Some(300));
            entries[cut] = entry(cut as u64, 0, None, None);
            let all = requests(entries, Some(300));
            for q in [0.5, 0.9, 1.0] {
                let (was, is) = (reading(&full, Part::Response, q).unwrap(), reading(&all, Part::Response, q).unwrap());
                // The cut request is older than all answers, so no quantile may fall by cutting it.
                prop_assert!(is.value >= was.value * 0.999 || is.high == f64::INFINITY);
            }
        }
    }
}
