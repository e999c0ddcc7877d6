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
    pub function: Option<String>,
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
    MissedUndecided,
    /// A healthy run has no finding.
    Healthy,
    /// A healthy run has a finding.
    FalsePositive,
    /// A healthy run is left undecided.
    Undecided,
    /// A scanner failed on the run, which is no answer. The lab's own diagnosis never has it.
    Crashed,
}

/// A diagnosis, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The outcome.
    pub judgement: Judgement,
    /// Whether the function is right; none unless the true cause is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized: Option<bool>,
    /// Whether the costliest finding is the true cause; none of a healthy run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_first: Option<bool>,
    /// Findings that name the true cause.
    pub right: u64,
    /// Findings that name another cause.
    pub wrong: u64,
    /// The true cause.
    #[serde(skip)]
    pub truth: Option<Cause>,
    /// The costliest finding.
    #[serde(skip)]
    pub found: Option<Cause>,
}

impl Judged {
    /// Judges the findings of a run; a healthy one has no truth.
    pub fn new(truth: Option<&Answer>, findings: &[Answer]) -> Judged {
        // That a service has too much to do accuses nobody, and where that is the truth it is named.
        let is_named = |answer: &&Answer| {
            answer.cause.accuses() || truth.is_some_and(|truth| truth.cause == answer.cause)
        };
        let named: Vec<&Answer> = findings.iter().filter(is_named).collect();
        let undecided =
            named.is_empty() && findings.iter().any(|answer| answer.cause != Cause::Healthy);
        let is_true = |answer: &&&Answer| truth.is_some_and(|truth| truth.cause == answer.cause);
        let right = named.iter().filter(is_true).count();
        let at = truth.and_then(|truth| truth.function.as_deref()).unwrap_or_default();
        let placed = |answer: &&Answer| {
            answer.function.as_deref().is_some_and(|found| same_function(found, at))
        };
        Judged {
            judgement: judgement(truth.is_some(), named.len(), right, undecided),
            localized: (right > 0).then(|| named.iter().filter(is_true).any(placed)),
            named_first: truth
                .map(|truth| named.first().is_some_and(|first| first.cause == truth.cause)),
            right: right as u64,
            wrong: (named.len() - right) as u64,
            truth: truth.map(|truth| truth.cause),
            found: named.first().map(|answer| answer.cause),
        }
    }

    /// Judges the line of another scanner.
    pub fn from_line(truth: Option<&Answer>, line: &str) -> Judged {
        let judged = Judged::new(truth, &parse(line));
        if line.trim() == CRASHED {
            return Judged { judgement: Judgement::Crashed, ..judged };
        }
        judged
    }

    /// Whether every part of the diagnosis is right.
    pub fn is_right(&self) -> bool {
        let right = matches!(self.judgement, Judgement::Named | Judgement::Healthy);
        right && self.wrong == 0 && self.localized != Some(false)
    }

    /// Whether the diagnosis is undecided.
    pub fn is_undecided(&self) -> bool {
        matches!(self.judgement, Judgement::MissedUndecided | Judgement::Undecided)
    }
}

fn judgement(faulty: bool, accusations: usize, right: usize, undecided: bool) -> Judgement {
    match (faulty, accusations, undecided) {
        (true, _, _) if right > 0 => Judgement::Named,
        (true, _, true) => Judgement::MissedUndecided,
        (true, _, false) => Judgement::Missed,
        (false, 1.., _) => Judgement::FalsePositive,
        (false, 0, true) => Judgement::Undecided,
        (false, 0, false) => Judgement::Healthy,
    }
}

/// The causes and functions that a diagnosis names.
pub fn answers(diagnosis: &Diagnosis) -> Vec<Answer> {
    diagnosis
        .findings
        .iter()
        .map(|finding| Answer { cause: finding.cause, function: finding.function.clone() })
        .collect()
}

/// The true answer of a variant.
pub fn true_answer(truth: &Truth) -> Answer {
    Answer { cause: truth.cause, function: Some(truth.function.to_owned()) }
}

/// Whether a function is the one to blame, with or without a prefix of its path, or a closure in
/// it.
pub fn same_function(found: &str, truth: &str) -> bool {
    if truth.is_empty() {
        return false;
    }
    let ends = found
        .strip_suffix(truth)
        .is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    ends || found.strip_prefix(truth).is_some_and(|inside| inside.starts_with("::"))
}

/// The name of a cause in JSON.
pub fn name(cause: Cause) -> String {
    let name = serde_json::to_value(cause).ok();
    name.and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

/// Every cause, in the order of its declaration.
pub const CAUSES: [Cause; 23] = [
    Cause::LongPoll,
    Cause::BlockingCall,
    Cause::QuadraticCombinator,
    Cause::DriverStarvation,
    Cause::PoolExhausted,
    Cause::PoolDeadlock,
    Cause::SelfShutdown,
    Cause::NeverYields,
    Cause::LockAcrossStall,
    Cause::Deadlock,
    Cause::StuckTasks,
    Cause::Futurelock,
    Cause::StarvedInTask,
    Cause::BusyLoop,
    Cause::WakeStorm,
    Cause::StackOverflow,
    Cause::Panic,
    Cause::AbortedWork,
    Cause::Leak,
    Cause::Overload,
    Cause::HostNoise,
    Cause::Healthy,
    Cause::NotEnoughEvidence,
];

/// The line of a scanner that failed.
pub const CRASHED: &str = "crashed";

/// The answer of another scanner: one line with the name of a cause, or `nothing`. Any other line
/// counts as undecided, but for [`CRASHED`].
pub fn parse(line: &str) -> Vec<Answer> {
    let line = line.trim();
    if line == "nothing" {
        return Vec::new();
    }
    let cause =
        CAUSES.into_iter().find(|cause| name(*cause) == line).unwrap_or(Cause::NotEnoughEvidence);
    vec![Answer { cause, function: None }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cause: Cause, at: &str) -> Answer {
        Answer { cause, function: (!at.is_empty()).then(|| at.to_owned()) }
    }

    #[test]
    fn a_faulty_run_is_named_by_any_finding_and_others_count_against_it() {
        let truth = answer(Cause::LongPoll, "a::buggy::work");
        let findings =
            [answer(Cause::Leak, "a::x"), answer(Cause::LongPoll, "a::buggy::work::{{closure}}")];
        let judged = Judged::new(Some(&truth), &findings);
        assert_eq!(
            (judged.judgement, judged.localized, judged.named_first),
            (Judgement::Named, Some(true), Some(false))
        );
        assert_eq!((judged.right, judged.wrong, judged.found), (1, 1, Some(Cause::Leak)));
        assert!(!judged.is_right(), "one finding too many");
        let elsewhere = Judged::new(Some(&truth), &[answer(Cause::LongPoll, "a::other")]);
        assert_eq!((elsewhere.judgement, elsewhere.localized), (Judgement::Named, Some(false)));
    }

    #[test]
    fn undecided_and_healthy_are_misses_of_two_kinds() {
        let truth = answer(Cause::LongPoll, "a::b");
        let of = |findings: &[Answer]| Judged::new(Some(&truth), findings).judgement;
        assert_eq!(of(&[]), Judgement::Missed);
        assert_eq!(of(&[answer(Cause::Healthy, "")]), Judgement::Missed);
        assert_eq!(of(&[answer(Cause::BlockingCall, "")]), Judgement::Missed);
        for doubt in [Cause::Overload, Cause::HostNoise, Cause::NotEnoughEvidence] {
            assert_eq!(of(&[answer(doubt, "")]), Judgement::MissedUndecided);
            assert_eq!(Judged::new(None, &[answer(doubt, "")]).judgement, Judgement::Undecided);
        }
    }

    #[test]
    fn an_overload_is_named_where_it_is_the_truth() {
        let truth = answer(Cause::Overload, "a::any_of");
        let of = |found: &Answer| Judged::new(Some(&truth), std::slice::from_ref(found));
        assert!(of(&answer(Cause::Overload, "a::any_of")).is_right());
        let elsewhere = of(&answer(Cause::Overload, "a::other"));
        assert_eq!((elsewhere.judgement, elsewhere.localized), (Judgement::Named, Some(false)));
        assert_eq!(of(&answer(Cause::HostNoise, "")).judgement, Judgement::MissedUndecided);
    }

    #[test]
    fn any_cause_that_blames_code_is_a_false_positive_of_a_healthy_run() {
        let of = |findings: &[Answer]| Judged::new(None, findings);
        assert!(of(&[]).is_right() && of(&[answer(Cause::Healthy, "")]).is_right());
        let named = of(&[answer(Cause::HostNoise, ""), answer(Cause::Leak, "a::b")]);
        assert_eq!(
            (named.judgement, named.wrong, named.named_first),
            (Judgement::FalsePositive, 1, None)
        );
    }

    #[test]
    fn places_match_with_what_stands_before_and_with_closures() {
        for found in ["a::b", "<x as a::b", "y::a::b", "a::b::{{closure}}", "a::b::inner"] {
            assert!(same_function(found, "a::b"), "{found}");
        }
        for found in ["a::bc", "ba::b", "a", "", "a::b<T>"] {
            assert!(!same_function(found, "a::b"), "{found}");
        }
    }

    #[test]
    fn a_line_of_a_scanner_is_a_name_or_no_answer() {
        assert_eq!(parse(" long-poll\n"), [answer(Cause::LongPoll, "")]);
        assert_eq!(parse("nothing"), []);
        assert_eq!(parse("unclear"), [answer(Cause::NotEnoughEvidence, "")]);
        assert!(CAUSES.iter().all(|cause| parse(&name(*cause)) == [answer(*cause, "")]));
    }

    #[test]
    fn a_crash_is_neither_nothing_nor_undecided() {
        let truth = answer(Cause::LongPoll, "a::b");
        for truth in [Some(&truth), None] {
            let judged = Judged::from_line(truth, "crashed\n");
            assert_eq!((judged.judgement, judged.wrong), (Judgement::Crashed, 0));
            assert!(!judged.is_right() && !judged.is_undecided());
        }
        assert_eq!(Judged::from_line(None, "nothing").judgement, Judgement::Healthy);
        assert_eq!(Judged::from_line(Some(&truth), "nothing").judgement, Judgement::Missed);
        assert_eq!(Judged::from_line(Some(&truth), "long-poll").judgement, Judgement::Named);
        assert_eq!(Judged::from_line(None, "long-poll").judgement, Judgement::FalsePositive);
        assert_eq!(Judged::from_line(None, "who knows").judgement, Judgement::Undecided);
    }
}
