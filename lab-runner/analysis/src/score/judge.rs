//! One run's diagnosis, judged against the known truth.

use crate::diagnosis::Diagnosis;
use lab_kit::Truth;
use lab_recording::Cause;
use serde::Serialize;

/// A cause, and the function that shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The cause.
    pub cause: Cause,
    /// The function; none where there is no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// The outcome of one run's diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The true cause of a faulty run is named.
    Named,
    /// A faulty run is called healthy, or another cause is named.
    Missed,
    /// A faulty run is left undecided.
    MissedForDoubt,
    /// A healthy run has no finding.
    Silent,
    /// A healthy run has a finding.
    Accused,
    /// A healthy run is left undecided.
    Doubted,
}

/// A diagnosis, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The outcome.
    pub judgement: Judgement,
    /// Whether the function is right; none unless the true cause is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<bool>,
    /// Whether the costliest finding is the true cause; none of a healthy run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<bool>,
    /// Findings that name the true cause.
    pub right: u64,
    /// Findings that name another cause.
    pub wrong: u64,
    /// What is wrong with the run.
    #[serde(skip)]
    pub truth: Option<Cause>,
    /// The costliest finding.
    #[serde(skip)]
    pub found: Option<Cause>,
}

impl Judged {
    /// Judges the findings of a run; a healthy one has no truth.
    pub fn of(truth: Option<&Answer>, said: &[Answer]) -> Judged {
        let accused: Vec<&Answer> = said.iter().filter(|answer| answer.cause.accuses()).collect();
        let doubtful =
            accused.is_empty() && said.iter().any(|answer| answer.cause != Cause::Healthy);
        let is_true = |answer: &&&Answer| truth.is_some_and(|truth| truth.cause == answer.cause);
        let right = accused.iter().filter(is_true).count();
        let at = truth.and_then(|truth| truth.at.as_deref()).unwrap_or_default();
        let placed =
            |answer: &&Answer| answer.at.as_deref().is_some_and(|found| same_place(found, at));
        Judged {
            judgement: judgement(truth.is_some(), accused.len(), right, doubtful),
            place: (right > 0).then(|| accused.iter().filter(is_true).any(placed)),
            first: truth
                .map(|truth| accused.first().is_some_and(|first| first.cause == truth.cause)),
            right: right as u64,
            wrong: (accused.len() - right) as u64,
            truth: truth.map(|truth| truth.cause),
            found: accused.first().map(|answer| answer.cause),
        }
    }

    /// Whether there is nothing to say against it.
    pub fn is_right(&self) -> bool {
        let named = matches!(self.judgement, Judgement::Named | Judgement::Silent);
        named && self.wrong == 0 && self.place != Some(false)
    }

    /// Whether it comes to no answer.
    pub fn is_doubtful(&self) -> bool {
        matches!(self.judgement, Judgement::MissedForDoubt | Judgement::Doubted)
    }
}

fn judgement(faulty: bool, accusations: usize, right: usize, doubtful: bool) -> Judgement {
    match (faulty, accusations, doubtful) {
        (true, _, _) if right > 0 => Judgement::Named,
        (true, _, true) => Judgement::MissedForDoubt,
        (true, _, false) => Judgement::Missed,
        (false, 1.., _) => Judgement::Accused,
        (false, 0, true) => Judgement::Doubted,
        (false, 0, false) => Judgement::Silent,
    }
}

/// What a diagnosis names.
pub fn named(diagnosis: &Diagnosis) -> Vec<Answer> {
    diagnosis
        .findings
        .iter()
        .map(|finding| Answer { cause: finding.cause, at: finding.at.clone() })
        .collect()
}

/// The answer that a variant carries.
pub fn of_truth(truth: &Truth) -> Answer {
    Answer { cause: truth.cause, at: Some(truth.function.to_owned()) }
}

/// Whether a function that was found is the one to blame: with or without what stands before its
/// path, or a closure in it.
pub fn same_place(found: &str, truth: &str) -> bool {
    if truth.is_empty() {
        return false;
    }
    let ends = found
        .strip_suffix(truth)
        .is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    ends || found.strip_prefix(truth).is_some_and(|inside| inside.starts_with("::"))
}

/// The name of a cause, as JSON has it.
pub fn name(cause: Cause) -> String {
    let name = serde_json::to_value(cause).ok();
    name.and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

/// Every cause, in the order of its declaration.
pub const CAUSES: [Cause; 15] = [
    Cause::LongPoll,
    Cause::BlockingCall,
    Cause::QuadraticCombinator,
    Cause::PoolExhausted,
    Cause::SelfShutdown,
    Cause::NeverYields,
    Cause::LockAcrossStall,
    Cause::Deadlock,
    Cause::Panic,
    Cause::AbortedWork,
    Cause::Leak,
    Cause::Overload,
    Cause::HostNoise,
    Cause::Healthy,
    Cause::NotEnoughEvidence,
];

/// What another scanner says in a line: the name of a cause, or `nothing`. Whatever else it says is
/// no answer.
pub fn parse(line: &str) -> Vec<Answer> {
    let line = line.trim();
    if line == "nothing" {
        return Vec::new();
    }
    let cause =
        CAUSES.into_iter().find(|cause| name(*cause) == line).unwrap_or(Cause::NotEnoughEvidence);
    vec![Answer { cause, at: None }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cause: Cause, at: &str) -> Answer {
        Answer { cause, at: (!at.is_empty()).then(|| at.to_owned()) }
    }

    #[test]
    fn a_faulty_run_is_named_by_any_finding_and_others_count_against_it() {
        let truth = answer(Cause::LongPoll, "a::buggy::work");
        let said =
            [answer(Cause::Leak, "a::x"), answer(Cause::LongPoll, "a::buggy::work::{{closure}}")];
        let judged = Judged::of(Some(&truth), &said);
        assert_eq!(
            (judged.judgement, judged.place, judged.first),
            (Judgement::Named, Some(true), Some(false))
        );
        assert_eq!((judged.right, judged.wrong, judged.found), (1, 1, Some(Cause::Leak)));
        assert!(!judged.is_right(), "it said too much");
        let elsewhere = Judged::of(Some(&truth), &[answer(Cause::LongPoll, "a::other")]);
        assert_eq!((elsewhere.judgement, elsewhere.place), (Judgement::Named, Some(false)));
    }

    #[test]
    fn doubt_and_silence_are_misses_of_two_kinds() {
        let truth = answer(Cause::LongPoll, "a::b");
        let of = |said: &[Answer]| Judged::of(Some(&truth), said).judgement;
        assert_eq!(of(&[]), Judgement::Missed);
        assert_eq!(of(&[answer(Cause::Healthy, "")]), Judgement::Missed);
        assert_eq!(of(&[answer(Cause::BlockingCall, "")]), Judgement::Missed);
        for doubt in [Cause::Overload, Cause::HostNoise, Cause::NotEnoughEvidence] {
            assert_eq!(of(&[answer(doubt, "")]), Judgement::MissedForDoubt);
            assert_eq!(Judged::of(None, &[answer(doubt, "")]).judgement, Judgement::Doubted);
        }
    }

    #[test]
    fn a_healthy_run_is_accused_by_any_cause_that_blames_code() {
        let of = |said: &[Answer]| Judged::of(None, said);
        assert!(of(&[]).is_right() && of(&[answer(Cause::Healthy, "")]).is_right());
        let accused = of(&[answer(Cause::HostNoise, ""), answer(Cause::Leak, "a::b")]);
        assert_eq!(
            (accused.judgement, accused.wrong, accused.first),
            (Judgement::Accused, 1, None)
        );
    }

    #[test]
    fn places_match_with_what_stands_before_and_with_closures() {
        for found in ["a::b", "<x as a::b", "y::a::b", "a::b::{{closure}}", "a::b::inner"] {
            assert!(same_place(found, "a::b"), "{found}");
        }
        for found in ["a::bc", "ba::b", "a", "", "a::b<T>"] {
            assert!(!same_place(found, "a::b"), "{found}");
        }
    }

    #[test]
    fn a_line_of_a_scanner_is_a_name_or_no_answer() {
        assert_eq!(parse(" long-poll\n"), [answer(Cause::LongPoll, "")]);
        assert_eq!(parse("nothing"), []);
        assert_eq!(parse("who knows"), [answer(Cause::NotEnoughEvidence, "")]);
        assert!(CAUSES.iter().all(|cause| parse(&name(*cause)) == [answer(*cause, "")]));
    }
}
