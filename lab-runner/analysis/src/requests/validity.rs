//! Whether a run's numbers can be believed: valid, overload (the tail is a lower bound), or invalid
//! (the generator or the machine spoiled it), with the reason in words.

use crate::requests::log::Requests;
use lab_recording::outcome::Outcome;
use lab_recording::{Arrivals, Ending, Load};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The verdict and its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Validity {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not better, one sentence each.
    pub reasons: Vec<String>,
}

/// How far the numbers of a run can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As they stand.
    Valid,
    /// Quantiles that touch unanswered requests are lower bounds.
    Overload,
    /// Not at all.
    Invalid,
}

impl Validity {
    /// A run that sent no requests has no generator that could have failed.
    pub fn without_load() -> Validity {
        Validity { verdict: Verdict::Valid, reasons: Vec::new() }
    }

    /// The validity of a run of which some is missing: whatever its log shows of requests, one that
    /// did not come to an end, or ended before a request was measured, measured nothing.
    pub fn of_run(requests: Option<&Requests>, load: &Load, outcome: &Outcome) -> Validity {
        let mut validity =
            requests.map_or_else(Validity::without_load, |requests| Validity::new(requests, load));
        let has_begun = requests.is_some_and(|requests| requests.offered > 0);
        let ending = outcome.ending;
        if let Some(ms) = outcome.paused_ms {
            let text = format!("the run was stopped for {:.1} s and continued", ms / 1e3);
            validity.worsen(Verdict::Invalid, text);
        }
        if ending == Ending::Unfinished {
            validity.worsen(Verdict::Invalid, "the run was interrupted".into());
        } else if !load.is_batch() && !has_begun && ending != Ending::Finished {
            let text = "the run ended before a request was measured";
            validity.worsen(Verdict::Invalid, text.into());
        }
        validity
    }

    /// Judges the generator and the runtime by what the request log shows.
    pub fn new(requests: &Requests, load: &Load) -> Validity {
        let mut validity = Validity::without_load();
        if (requests.sent as f64) < 0.99 * requests.offered as f64 {
            let text = format!(
                "the load generator sent {} of {} requests in time",
                requests.sent, requests.offered
            );
            validity.worsen(Verdict::Invalid, text);
        }
        if let Some(share) = requests.pacer_work_share().filter(|share| *share > 0.8) {
            validity.worsen(
                Verdict::Invalid,
                format!("the load generator spent {:.0} % of its time sending", share * 100.0),
            );
        }
        if load.arrivals == Arrivals::Poisson && !arrive_evenly(&requests.sent_in) {
            validity.worsen(
                Verdict::Invalid,
                "the requests were not sent as Poisson arrivals are".into(),
            );
        }
        if requests.unfinished > 0 {
            validity.worsen(Verdict::Overload, overload(requests));
        }
        validity
    }

    fn worsen(&mut self, verdict: Verdict, reason: String) {
        self.verdict = self.verdict.max(verdict);
        self.reasons.push(reason);
    }
}

fn overload(requests: &Requests) -> String {
    let text = format!(
        "{} of {} requests were unanswered when the run ended",
        requests.unfinished, requests.sent
    );
    match requests.thirds_p50_us {
        Some((first, last)) if last > 1.5 * first => {
            format!("{text}; responses grow with the duration")
        }
        _ => text,
    }
}

/// Kolmogorov-Smirnov check at 0.001 that requests were sent as Poisson arrivals are: given their
/// number, evenly over the measured time. Counts in equal slices of it are compared at their edges;
/// the critical value is the asymptotic `sqrt(-ln(0.001 / 2) / 2n)`.
fn arrive_evenly(sent_in: &[u64]) -> bool {
    let n: u64 = sent_in.iter().sum();
    let mut so_far = 0;
    let mut largest = 0.0f64;
    for (slice, sent) in sent_in.iter().enumerate() {
        so_far += sent;
        let expected = (slice + 1) as f64 / sent_in.len() as f64;
        largest = largest.max((so_far as f64 / n as f64 - expected).abs());
    }
    n < 100 || largest < (-(0.001f64 / 2.0).ln() / (2.0 * n as f64)).sqrt()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Valid => "valid",
            Verdict::Overload => "overload",
            Verdict::Invalid => "invalid",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::log::tests::{entry, requests};
    use lab_kit::schedule::Schedule;
    use lab_recording::request_log::{Cost, Entry};
    use std::time::Duration;

    #[test]
    fn a_run_that_did_not_end_or_ended_before_its_load_measured_nothing() {
        let all = requests(quick(), Some(2_000));
        let none = requests(Vec::new(), Some(2_000));
        let ended = |ending| Outcome { ending, ..Outcome::unfinished("") };
        let of =
            |requests, ending| Validity::of_run(requests, &Load::DEFAULT, &ended(ending)).verdict;
        assert_eq!(of(Some(&all), Ending::Finished), Verdict::Valid);
        assert_eq!(of(Some(&all), Ending::Crashed), Verdict::Valid, "until then it was measured");
        assert_eq!(of(Some(&all), Ending::Unfinished), Verdict::Invalid);
        assert_eq!(of(Some(&none), Ending::Crashed), Verdict::Invalid);
        assert_eq!(of(None, Ending::Failed), Verdict::Invalid);
        assert_eq!(of(None, Ending::Finished), Verdict::Valid, "it sends no requests");
        let batch = Validity::of_run(None, &Load::BATCH, &ended(Ending::Hung));
        assert_eq!(batch.verdict, Verdict::Valid);
    }

    #[test]
    fn a_run_that_was_stopped_in_between_is_invalid() {
        let finished = Outcome { ending: Ending::Finished, ..Outcome::unfinished("") };
        let paused = Outcome { paused_ms: Some(2_500.0), ..finished };
        let log = requests(quick(), Some(2_000));
        let validity = Validity::of_run(Some(&log), &Load::DEFAULT, &paused);
        assert_eq!(validity.verdict, Verdict::Invalid);
        assert_eq!(validity.reasons, ["the run was stopped for 2.5 s and continued"]);
    }

    fn quick() -> Vec<Entry> {
        (0..1_000).map(|i| entry(i, 1, Some(50), Some(49))).collect()
    }

    #[test]
    fn all_sent_and_answered_is_valid() {
        let validity = Validity::new(&requests(quick(), Some(2_000)), &Load::DEFAULT);
        assert_eq!(validity, Validity::without_load());
    }

    #[test]
    fn unanswered_requests_are_overload_and_growth_is_told() {
        let queue = (0..1_000).map(|i| entry(i, 1, Some(50 + 400 * i), Some(49))).collect();
        let validity = Validity::new(&requests(queue, Some(1_100)), &Load::DEFAULT);
        assert_eq!(validity.verdict, Verdict::Overload);
        assert!(validity.reasons[0].contains("grow with the duration"), "{validity:?}");
    }

    #[test]
    fn a_pacer_that_sent_too_few_or_worked_too_hard_makes_it_invalid() {
        let mut entries = quick();
        for unsent in &mut entries[500..520] {
            unsent.sent_ns = None;
        }
        assert_eq!(
            Validity::new(&requests(entries, Some(2_000)), &Load::DEFAULT).verdict,
            Verdict::Invalid
        );
        let mut busy = requests(quick(), Some(2_000));
        let cost = |send_ns| Some(Cost { cpu_ns: 950, send_ns, wake_ns: 0, wall_ns: 1_000 });
        busy.header.pacer = cost(900);
        assert_eq!(Validity::new(&busy, &Load::DEFAULT).verdict, Verdict::Invalid);
        busy.header.pacer = cost(50); // the same CPU time, nearly all of it spinning
        assert_eq!(Validity::new(&busy, &Load::DEFAULT).verdict, Verdict::Valid);
    }

    #[test]
    fn a_poisson_run_that_was_cut_off_half_way_is_not_blamed_for_it() {
        let mut entries = quick();
        for late in &mut entries[500..] {
            (late.sent_ns, late.first_poll_ns, late.ended_ns) = (None, None, None);
        }
        let load = Load { arrivals: Arrivals::Poisson, ..Load::DEFAULT };
        assert_eq!(Validity::new(&requests(entries, Some(500)), &load).verdict, Verdict::Valid);
    }

    #[test]
    fn poisson_arrivals_pass_and_clumps_do_not() {
        let span = Duration::from_secs(3);
        let poisson = Schedule { arrivals: Arrivals::Poisson, rate: 2_000.0, span, seed: 7 };
        let counted = |late: &dyn Fn(u64) -> u64| {
            let mut sent_in = vec![0; 4_096];
            poisson
                .times()
                .for_each(|ns| sent_in[(late(ns) * 4_096 / span.as_nanos() as u64) as usize] += 1);
            sent_in
        };
        assert!(arrive_evenly(&counted(&|ns| ns)));
        // A pacer that stood still for a fifth of the time and then caught up.
        let stalled =
            |ns| if (1_000_000_000..1_600_000_000).contains(&ns) { 1_600_000_000 } else { ns };
        assert!(!arrive_evenly(&counted(&stalled)));
    }
}
