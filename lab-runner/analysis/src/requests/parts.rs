//! The parts of a response and their histograms: pacer lag, wait for the first poll, service, and
//! the three together.

use hdrhistogram::Histogram;
use lab_recording::request_log::Entry;

/// The reported quantiles, with the suffix of their metrics. The last one is the maximum.
pub const QUANTILES: [(f64, &str); 5] =
    [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p999"), (1.0, "max")];

/// A part of a response, or the whole response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From the intended send time to the end.
    Response,
    /// From the intended to the actual send time.
    Lag,
    /// From the actual send time to the first poll.
    Wait,
    /// From the first poll to the end.
    Service,
}

impl Part {
    /// All parts, in the order of reports.
    pub const ALL: [Part; 4] = [Part::Response, Part::Lag, Part::Wait, Part::Service];

    /// The begin of its metrics' names.
    pub fn label(self) -> &'static str {
        match self {
            Part::Response => "response",
            Part::Lag => "pacer_lag",
            Part::Wait => "wait",
            Part::Service => "service",
        }
    }

    /// The part that a metric is about.
    pub fn of_metric(name: &str) -> Option<Part> {
        let about =
            |part: &Part| name.strip_prefix(part.label()).is_some_and(|rest| rest.starts_with('_'));
        Part::ALL.into_iter().find(about)
    }

    /// The name of one of its metrics: `response_p99_us`.
    pub fn metric(self, suffix: &str) -> String {
        format!("{}_{suffix}_us", self.label())
    }
}

/// Longer times count as this one: a day, which is more than a run may take.
pub const LONGEST_NS: u64 = 86_400_000_000_000;

/// Histograms of the measured requests by part, in nanoseconds, to three digits.
#[derive(Clone, Debug)]
pub struct Parts {
    histograms: [Histogram<u64>; 4],
    /// Smallest age of a request that was cut off: it decides which quantiles are only bounds.
    youngest_cut_ns: [Option<u64>; 4],
}

impl Parts {
    pub fn new() -> anyhow::Result<Parts> {
        let empty = || Histogram::new_with_max(LONGEST_NS, 3);
        Ok(Parts {
            histograms: [empty()?, empty()?, empty()?, empty()?],
            youngest_cut_ns: [None; 4],
        })
    }

    /// Adds a request that was sent before the end; one without an answer counts at its age then.
    /// Returns its response.
    pub fn add(&mut self, entry: &Entry, end_ns: u64) -> Option<u64> {
        let sent_ns = entry.sent_ns.filter(|sent| *sent <= end_ns)?;
        let answered = entry.ended_ns.filter(|ended| *ended <= end_ns && !entry.lost);
        let (until_ns, cut) = (answered.unwrap_or(end_ns), answered.is_none());
        let response_ns = until_ns.saturating_sub(entry.intended_ns);
        self.record(Part::Response, response_ns, cut);
        self.record(Part::Lag, sent_ns.saturating_sub(entry.intended_ns), false);
        match entry.first_poll_ns.filter(|polled| *polled <= end_ns) {
            Some(polled) => {
                self.record(Part::Wait, polled.saturating_sub(sent_ns), false);
                self.record(Part::Service, until_ns.saturating_sub(polled), cut);
            }
            None => self.record(Part::Wait, end_ns.saturating_sub(sent_ns), true),
        }
        Some(response_ns)
    }

    /// The histogram of a part.
    pub fn histogram(&self, part: Part) -> &Histogram<u64> {
        &self.histograms[part as usize]
    }

    /// Records a time; `cut` if it is only an age, because the request was cut off.
    fn record(&mut self, part: Part, ns: u64, cut: bool) {
        self.histograms[part as usize].saturating_record(ns);
        if cut {
            let youngest = &mut self.youngest_cut_ns[part as usize];
            *youngest = Some(youngest.map_or(ns, |other| other.min(ns)));
        }
    }

    /// A quantile of a part, if there are enough requests for it.
    pub fn quantile_ns(&self, part: Part, q: f64) -> Option<u64> {
        quantile(&self.histograms[part as usize], q)
    }

    /// Whether requests that were cut off are at or below a time, so that a quantile there is a
    /// lower bound.
    pub fn is_cut(&self, part: Part, ns: u64) -> bool {
        self.youngest_cut_ns[part as usize].is_some_and(|youngest| youngest <= ns)
    }

    /// The histogram of the responses; the others are not needed once their quantiles are known.
    pub fn into_responses(self) -> Histogram<u64> {
        let [responses, ..] = self.histograms;
        responses
    }
}

/// A quantile, if there are enough values for it: `10 / (1 - q)`, so that ten of them lie beyond
/// it. The maximum needs one.
pub fn quantile(histogram: &Histogram<u64>, q: f64) -> Option<u64> {
    let enough = if q < 1.0 { (10.0 / (1.0 - q)).round() as u64 } else { 1 };
    (histogram.len() >= enough).then(|| histogram.value_at_quantile(q))
}
