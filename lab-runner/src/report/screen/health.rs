//! The health of a program in a headline: a word in red, amber or green, and a sentence.

use crate::report::findings;
use crate::report::screen::side_of;
use crate::report::units::grouped;
use anstyle::{AnsiColor, Style as Colour};
use lab_analysis::diagnosis::{Diagnosis, Finding};
use lab_analysis::requests::{Analysis, ValidityVerdict};
use lab_analysis::results::Results;
use lab_analysis::results::diagnosed::Diagnosed;
use lab_recording::{Cause, Ending};

/// The headline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Something is wrong with the program.
    Fault,
    /// No fault was found.
    Healthy,
    /// Undecided.
    Undecided,
    /// A fix removed the fault.
    Fixed,
    /// It got better, and not known to be by removing the fault.
    Better,
    /// It got worse.
    Worse,
    /// Nothing changed that matters.
    Same,
}

impl Word {
    /// The word.
    pub fn text(self) -> &'static str {
        match self {
            Word::Fault => "FAULT",
            Word::Healthy => "HEALTHY",
            Word::Undecided => "UNDECIDED",
            Word::Fixed => "FIXED",
            Word::Better => "BETTER",
            Word::Worse => "WORSE",
            Word::Same => "SAME",
        }
    }

    /// Red, amber or green.
    pub fn colour(self) -> Colour {
        match self {
            Word::Fault | Word::Worse => AnsiColor::Red.on_default().bold(),
            Word::Undecided | Word::Better | Word::Same => AnsiColor::Yellow.on_default().bold(),
            Word::Healthy | Word::Fixed => AnsiColor::Green.on_default().bold(),
        }
    }
}

/// The headline of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Health<'a> {
    pub word: Word,
    pub sentence: String,
    /// The finding that it is about.
    pub finding: Option<&'a Finding>,
}

/// The diagnosis of a run: of several runs of a variant all have the same.
pub(crate) fn diagnosed<'a>(results: &'a Results, run: &Analysis) -> Option<&'a Diagnosed> {
    let spec = &run.recording.spec;
    let side = side_of(spec);
    results.diagnoses.iter().find(|of| (&of.variant, of.side) == (&spec.variant, side))
}

/// The first finding of a run, or why there is none.
pub(crate) fn health<'a>(results: &'a Results, run: &Analysis) -> Health<'a> {
    let diagnosis = diagnosed(results, run).map(|of| &of.diagnosis);
    let found = diagnosis.and_then(|diagnosis| diagnosis.findings.first());
    match found {
        Some(finding) => of_finding(finding),
        None => without_finding(diagnosis, run),
    }
}

fn of_finding(finding: &Finding) -> Health<'_> {
    let word = if finding.cause.accuses() { Word::Fault } else { Word::Undecided };
    let at = finding.function.as_ref().map_or_else(String::new, |at| format!(": {at}"));
    Health { word, sentence: format!("{}{at}", finding.cause), finding: Some(finding) }
}

fn without_finding(diagnosis: Option<&Diagnosis>, run: &Analysis) -> Health<'static> {
    let outcome = &run.recording.outcome;
    let reason = outcome
        .text
        .as_deref()
        .and_then(|text| text.lines().next())
        .unwrap_or("no reason is known");
    let unanswered = run.metrics.get("unfinished").map_or(0, |reading| reading.value as i64);
    let conclusion = diagnosis.map(Diagnosis::conclusion);
    if let Some(refused) = &outcome.refused {
        let sentence = format!("the host refused the run what it needs: {refused}");
        return Health { word: Word::Undecided, sentence, finding: None };
    }
    let (word, sentence) = match outcome.ending {
        Ending::Failed => (Word::Fault, format!("the run failed: {reason}")),
        Ending::Crashed => (Word::Fault, format!("the process crashed: {reason}")),
        Ending::Hung => {
            (Word::Fault, "the run was killed at its deadline, and no cause was found".to_owned())
        }
        Ending::Unfinished => (Word::Undecided, "the run was interrupted".to_owned()),
        Ending::Finished if run.validity.verdict == ValidityVerdict::Invalid => (
            Word::Undecided,
            format!("the load was not as planned: {}", run.validity.reasons.join("; ")),
        ),
        Ending::Finished if unanswered > 0 => (
            Word::Undecided,
            format!("no cause was found, but {} requests were unanswered", grouped(unanswered)),
        ),
        Ending::Finished if conclusion == Some(Cause::Healthy) => {
            (Word::Healthy, "no fault was found".to_owned())
        }
        Ending::Finished => (
            Word::Undecided,
            match diagnosis.and_then(|diagnosis| diagnosis.unexplained.first()) {
                Some(symptom) => format!("no cause was found, but {symptom}"),
                None => "no scheduler profile: the load was answered, its polls were not recorded"
                    .to_owned(),
            },
        ),
    };
    Health { word, sentence, finding: None }
}

/// The finding with its function and line, for a single line.
pub(crate) fn in_a_line(health: &Health<'_>) -> String {
    let place = health.finding.and_then(findings::place);
    match (health.finding, place) {
        (Some(finding), Some(place)) => format!("{} in {place}", finding.cause),
        _ => health.sentence.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::{BOLD, DIM};

    #[test]
    fn the_styles_of_the_screens_stay() {
        let words = [Word::Fault, Word::Undecided, Word::Healthy].map(Word::colour);
        for style in words.into_iter().chain([BOLD, DIM]) {
            let text = format!("{style}text{style:#}");
            assert_eq!(crate::printable::for_terminal(&text), text);
        }
    }
}
