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
pub struct Detect {
    /// The median, in milliseconds.
    pub median_ms: f64,
    /// The shortest, in milliseconds.
    pub least_ms: f64,
    /// The longest, in milliseconds.
    pub most_ms: f64,
}

/// The measures of some diagnosed runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Recall: of faulty runs, those whose true cause is named.
    pub recall: Share,
    /// Of faulty runs, those whose costliest finding is the true cause.
    pub first: Share,
    /// Precision: of findings, those that are true.
    pub precision: Share,
    /// Specificity: of healthy runs that are decided, those without a finding.
    pub silence: Share,
    /// Healthy runs that are called healthy: a run without a finding may also blame the host or the
    /// load.
    pub told_healthy: Share,
    /// Localization: of the faulty runs whose true cause is named, those whose function is right.
    pub place: Share,
    /// Healthy runs with a finding.
    pub accused: u64,
    /// Undecided runs: faulty ones, then healthy ones.
    pub doubtful: [u64; 2],
    /// Detection time; none where no true cause was named.
    pub detect: Option<Detect>,
}

impl Tally {
    /// Adds up runs, each with its detection time in milliseconds.
    pub fn of<'a>(runs: impl Iterator<Item = (&'a Judged, Option<f64>)>) -> Tally {
        let (mut tally, mut times) = (Tally::default(), Vec::new());
        for (judged, took) in runs {
            tally.add(judged);
            times.extend(took.filter(|_| judged.judgement == Judgement::Named));
        }
        tally.detect = detect(times);
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
                count(&mut self.silence, judged.judgement != Judgement::Accused);
                count(&mut self.told_healthy, judged.judgement == Judgement::Silent);
            }
        }
        judged.first.into_iter().for_each(|first| count(&mut self.first, first));
        judged.place.into_iter().for_each(|right| count(&mut self.place, right));
        self.precision.hits += judged.right;
        self.precision.of += judged.right + judged.wrong;
        self.accused += u64::from(judged.judgement == Judgement::Accused);
        self.doubtful[usize::from(!faulty)] += u64::from(judged.is_doubtful());
    }

    /// Whether a faulty run was missed or a healthy one accused.
    pub fn is_wrong(&self) -> bool {
        self.recall.hits < self.recall.of || self.accused > 0
    }

    /// Whether no run came to any answer.
    pub fn tells_nothing(&self) -> bool {
        self.doubtful.iter().sum::<u64>() == self.recall.of + self.silence.of
    }
}

fn detect(mut times: Vec<f64>) -> Option<Detect> {
    times.sort_by(f64::total_cmp);
    let (least, most) = (times.first()?, times.last()?);
    let (below, above) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    Some(Detect { median_ms: f64::midpoint(below, above), least_ms: *least, most_ms: *most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Answer;
    use lab_recording::Cause;

    fn judged(truth: Option<Cause>, said: &[Cause]) -> Judged {
        let answer = |cause: &Cause| Answer { cause: *cause, at: Some("a::b".into()) };
        Judged::of(
            truth.as_ref().map(answer).as_ref(),
            &said.iter().map(answer).collect::<Vec<_>>(),
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
        let tally = Tally::of(runs.iter().zip(times.map(Some)));
        let share = |hits, of| Share { hits, of };
        assert_eq!(
            (tally.recall, tally.first, tally.precision),
            (share(2, 4), share(1, 4), share(2, 4))
        );
        assert_eq!((tally.silence, tally.told_healthy), (share(3, 4), share(2, 4)));
        assert_eq!((tally.place, tally.accused), (share(2, 2), 1));
        assert_eq!(tally.doubtful, [1, 1]);
        assert_eq!(
            tally.detect,
            Some(Detect { median_ms: 2.0, least_ms: 1.0, most_ms: 3.0 }),
            "of those that were named"
        );
        assert!(tally.is_wrong() && !tally.tells_nothing());
    }

    #[test]
    fn nothing_told_is_told_apart_from_wrong() {
        let doubt = [
            judged(Some(Cause::Leak), &[Cause::Overload]),
            judged(None, &[Cause::NotEnoughEvidence]),
        ];
        assert!(Tally::of(doubt.iter().map(|judged| (judged, None))).tells_nothing());
        assert!(
            !Tally::of([judged(None, &[])].iter().map(|judged| (judged, None))).tells_nothing()
        );
        assert!(Tally::default().tells_nothing(), "no run tells nothing");
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
