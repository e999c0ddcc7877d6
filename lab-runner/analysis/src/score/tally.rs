//! Measures of a diagnosis over many runs, each a share with its interval.

use crate::requests::trials::share_interval;
use crate::score::judge::{Judged, Judgement};
use serde::Serialize;

/// A share of counted cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Cases that count.
    pub hits: u64,
    /// All cases.
    pub of: u64,
}

impl Share {
    /// The share, from 0 to 1; none where there are no cases.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// The exact binomial interval at 95 %; one-sided if all cases count, or none.
    pub fn interval(self) -> (f64, f64) {
        share_interval(self.hits, self.of)
    }
}

/// Detection time, over the runs whose true cause was named.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetectionTime {
    /// The median, in milliseconds.
    pub median_ms: f64,
    /// The shortest, in milliseconds.
    pub min_ms: f64,
    /// The longest, in milliseconds.
    pub max_ms: f64,
}

/// The measures of some diagnosed runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Recall: of faulty runs, those whose true cause is named.
    pub recall: Share,
    /// Of faulty runs, those whose costliest finding is the true cause.
    pub named_first: Share,
    /// Precision: of findings, those that are true.
    pub precision: Share,
    /// Specificity: of healthy runs that are decided, those without a finding.
    pub specificity: Share,
    /// Healthy runs that are called healthy: a run without a finding may also blame the host or the
    /// load.
    pub called_healthy: Share,
    /// Localization: of the faulty runs whose true cause is named, those whose function is right.
    pub localization: Share,
    /// Healthy runs with a finding.
    pub false_positives: u64,
    /// Undecided runs: faulty ones, then healthy ones.
    pub undecided: [u64; 2],
    /// Runs on which a scanner failed: faulty ones, then healthy ones. A fault that it did not see is
    /// missed. That it accused no healthy run is not to its credit: such a run is not in the specificity.
    pub crashed: [u64; 2],
    /// Detection time; none where no true cause was named.
    pub detection_time: Option<DetectionTime>,
}

impl Tally {
    /// Adds up runs, each with its detection time in milliseconds.
    pub fn from_runs<'a>(runs: impl Iterator<Item = (&'a Judged, Option<f64>)>) -> Tally {
        let (mut tally, mut times) = (Tally::default(), Vec::new());
        for (judged, took) in runs {
            tally.add(judged);
            times.extend(took.filter(|_| judged.judgement == Judgement::Named));
        }
        tally.detection_time = detection_time(times);
        tally
    }

    fn add(&mut self, judged: &Judged) {
        let faulty = judged.truth.is_some();
        let count = |share: &mut Share, hit: bool| {
            share.of += 1;
            share.hits += u64::from(hit);
        };
        match faulty {
            true => count(&mut self.recall, judged.judgement == Judgement::Named),
            false => {
                if judged.judgement != Judgement::Crashed {
                    count(&mut self.specificity, judged.judgement != Judgement::FalsePositive);
                }
                count(&mut self.called_healthy, judged.judgement == Judgement::Healthy);
            }
        }
        judged.named_first.into_iter().for_each(|first| count(&mut self.named_first, first));
        judged.localized.into_iter().for_each(|right| count(&mut self.localization, right));
        self.precision.hits += judged.right;
        self.precision.of += judged.right + judged.wrong;
        self.false_positives += u64::from(judged.judgement == Judgement::FalsePositive);
        let kind = usize::from(!faulty);
        self.undecided[kind] += u64::from(judged.is_undecided());
        self.crashed[kind] += u64::from(judged.judgement == Judgement::Crashed);
    }

    /// Whether a faulty run was missed, or a healthy one has a finding.
    pub fn is_wrong(&self) -> bool {
        self.recall.hits < self.recall.of || self.false_positives > 0
    }

    /// Whether every run is undecided.
    pub fn is_undecided(&self) -> bool {
        self.undecided.iter().sum::<u64>() == self.recall.of + self.specificity.of
    }
}

fn detection_time(mut times: Vec<f64>) -> Option<DetectionTime> {
    times.sort_by(f64::total_cmp);
    let (least, most) = (times.first()?, times.last()?);
    let (below, above) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    Some(DetectionTime { median_ms: f64::midpoint(below, above), min_ms: *least, max_ms: *most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Answer;
    use lab_recording::Cause;

    fn judged(truth: Option<Cause>, findings: &[Cause]) -> Judged {
        let answer = |cause: &Cause| Answer { cause: *cause, function: Some("a::b".into()) };
        Judged::new(
            truth.as_ref().map(answer).as_ref(),
            &findings.iter().map(answer).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn made_up_outcomes_add_up() {
        let runs = [
            judged(Some(Cause::LongPoll), &[Cause::LongPoll]),
            judged(Some(Cause::LongPoll), &[Cause::Leak, Cause::LongPoll]),
            judged(Some(Cause::Deadlock), &[]),
            judged(Some(Cause::Deadlock), &[Cause::HostNoise]),
            judged(None, &[]),
            judged(None, &[Cause::Healthy]),
            judged(None, &[Cause::Leak]),
            judged(None, &[Cause::Overload]),
        ];
        let times = [3.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0];
        let tally = Tally::from_runs(runs.iter().zip(times.map(Some)));
        let share = |hits, of| Share { hits, of };
        assert_eq!(
            (tally.recall, tally.named_first, tally.precision),
            (share(2, 4), share(1, 4), share(2, 4))
        );
        assert_eq!((tally.specificity, tally.called_healthy), (share(3, 4), share(2, 4)));
        assert_eq!((tally.localization, tally.false_positives), (share(2, 2), 1));
        assert_eq!(tally.undecided, [1, 1]);
        assert_eq!(
            tally.detection_time,
            Some(DetectionTime { median_ms: 2.0, min_ms: 1.0, max_ms: 3.0 }),
            "of those that were named"
        );
        assert!(tally.is_wrong() && !tally.is_undecided());
    }

    #[test]
    fn a_crash_misses_a_fault_and_spares_no_healthy_run() {
        let truth = Answer { cause: Cause::LongPoll, function: None };
        let runs = [
            Judged::from_line(Some(&truth), "crashed"),
            Judged::from_line(Some(&truth), "long-poll"),
            Judged::from_line(None, "crashed"),
            Judged::from_line(None, "nothing"),
        ];
        let tally = Tally::from_runs(runs.iter().map(|judged| (judged, None)));
        let share = |hits, of| Share { hits, of };
        assert_eq!((tally.recall, tally.specificity), (share(1, 2), share(1, 1)));
        assert_eq!((tally.called_healthy, tally.precision), (share(1, 2), share(1, 1)));
        assert_eq!((tally.crashed, tally.undecided), ([1, 1], [0, 0]));
    }

    #[test]
    fn undecided_is_not_wrong() {
        let doubt = [
            judged(Some(Cause::Leak), &[Cause::Overload]),
            judged(None, &[Cause::NotEnoughEvidence]),
        ];
        assert!(Tally::from_runs(doubt.iter().map(|judged| (judged, None))).is_undecided());
        assert!(
            !Tally::from_runs([judged(None, &[])].iter().map(|judged| (judged, None)))
                .is_undecided()
        );
        assert!(Tally::default().is_undecided(), "no run decides nothing");
    }

    #[test]
    fn intervals_are_those_of_clopper_and_pearson() {
        let close = |(low, high): (f64, f64), expected: (f64, f64)| {
            assert!(
                (low - expected.0).abs() < 1e-5 && (high - expected.1).abs() < 1e-5,
                "{low} {high}"
            );
        };
        close(Share { hits: 5, of: 10 }.interval(), (0.187_086, 0.812_914));
        close(Share { hits: 9, of: 10 }.interval(), (0.554_984, 0.997_471));
        close(Share { hits: 20, of: 20 }.interval(), (0.860_892, 1.0));
        assert_eq!((Share::default().value(), Share::default().interval()), (None, (0.0, 1.0)));
    }
}
