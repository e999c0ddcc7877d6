//! What is wrong, in words: the end of every report on a run.

use crate::report::table::DIM;
use crate::report::units::{ascii, grouped, time_ms, wrapped};
use crate::report::{Report, Style, sched};
use lab_analysis::diagnosis::cured::{Cured, Gone, cured};
use lab_analysis::diagnosis::{Case, Cost, Diagnosis, Finding, Refused, diagnose};
use lab_analysis::evidence::{label, own_crate};
use lab_analysis::hang;
use lab_analysis::profile::{self, Profile};
use lab_analysis::requests::Analysis;
use lab_recording::post_mortem::PostMortem;
use lab_recording::spec::{Side, Spec};
use serde::Serialize;
use std::io::{self, Write};

/// Characters of a line.
pub(crate) const WIDTH: usize = 128;

/// The diagnosis of a run, or of one side of a comparison.
#[derive(Clone, Debug)]
pub struct Diagnosed {
    /// What it is called beside others.
    pub label: String,
    /// The variant.
    pub variant: String,
    /// The side, in a comparison.
    pub side: Option<Side>,
    /// What it comes to.
    pub diagnosis: Diagnosis,
    /// What it was at when it was killed at its deadline.
    pub post_mortem: Option<PostMortem>,
}

/// Diagnoses each variant of a report, in a comparison each side: its first run, with what lenses saw of the same.
pub(crate) fn all(report: &Report) -> Vec<Diagnosed> {
    let key = |spec: &Spec| (spec.variant.clone(), spec.pair.as_ref().map(|pair| pair.side), spec.scaled);
    let mut done: Vec<(String, Option<Side>, usize)> = Vec::new();
    let mut all = Vec::new();
    for (run, _) in &report.runs {
        let spec = &run.recording.spec;
        let key = key(spec);
        if spec.scaled > 1 || done.contains(&key) {
            continue;
        }
        let side = key.1;
        let is_its = |profile: &&Profile| profile.spec.variant == spec.variant && profile.side() == side;
        let profiles: Vec<Profile> = report.profiles.iter().filter(is_its).cloned().collect();
        let (post_mortem, panics) = profile::last_words(&run.recording.folder);
        let case = Case {
            measured: Some(run),
            profiles: &profiles,
            post_mortem: post_mortem.as_ref(),
            panics: &panics,
            own_crate: own_crate(report.scenario),
        };
        let (diagnosis, post_mortem) = (diagnose(&case), case.fullest_post_mortem().cloned());
        all.push(Diagnosed { label: label(spec), variant: spec.variant.clone(), side, diagnosis, post_mortem });
        done.push(key);
    }
    all
}

/// What became of the cause that was named before, in a comparison.
pub(crate) fn cure(report: &Report) -> Option<Cured> {
    let side = |side: Side| report.diagnoses.iter().find(move |of| of.side == Some(side)).map(|of| &of.diagnosis);
    Some(cured(side(Side::A)?, side(Side::B)?))
}

/// The same in rows.
pub(crate) fn cure_rows(report: &Report) -> Vec<(String, String)> {
    let Some(cure) = cure(report) else { return Vec::new() };
    let named = cure.cause.map_or_else(String::new, |cause| {
        let place = cure.at.as_ref().map_or_else(String::new, |at| format!(" in {at}"));
        format!(" ({cause}{place})")
    });
    let gone = format!("the named cause{named} is gone: {}: {}", cure.gone.word(), cure.because);
    let left = left(report);
    let moved = match (&cure.moved_to[..], left) {
        ([], None) if cure.gone == Gone::CouldNotTell => None,
        ([], None) => Some("the cost moved to: nowhere that was looked at".to_owned()),
        ([], Some(left)) => Some(format!("the cost moved to: nowhere that is worth a finding; {left}")),
        (to, _) => Some(format!("the cost moved to: {}", to.join(", "))),
    };
    [Some(("verdict".to_owned(), gone)), moved.map(|moved| (String::new(), moved))].into_iter().flatten().collect()
}

/// What tasks still wait for most after the fix.
fn left(report: &Report) -> Option<String> {
    let runs = sched::runs(report);
    let after = runs.iter().find(|run| run.profile.side() == Some(Side::B))?;
    let said = after.blames(Style { plain: false, naive: false });
    said.first().map(|said| format!("what is left: {said}"))
}

/// Prints the findings of a report: those of each run that was looked into, and what became of the cause that a fix is for.
pub(crate) fn print(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (label, rows) in told(report) {
        let heads = std::iter::once(format!("findings {label}")).chain(std::iter::repeat(String::new()));
        writeln!(to)?;
        heads.zip(rows).try_for_each(|(head, (name, text))| print_row(&head, &name, &text, style, to))?;
    }
    let cure = cure_rows(report);
    if !cure.is_empty() {
        writeln!(to)?;
    }
    for (head, text) in cure {
        let heads = std::iter::once(head).chain(std::iter::repeat(String::new()));
        heads
            .zip(wrapped(&text, WIDTH))
            .try_for_each(|(head, line)| writeln!(to, "{head:<10} {}", ascii(&line, style)))?;
    }
    Ok(())
}

/// A row, broken into lines between words.
fn print_row(head: &str, name: &str, text: &str, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (number, line) in wrapped(text, WIDTH).iter().enumerate() {
        let (head, name) = if number == 0 { (head, name) } else { ("", "") };
        writeln!(to, "{head:<10} {DIM}{:<14}{DIM:#} {}", ascii(name, style), ascii(line, style))?;
    }
    Ok(())
}

/// The rows of each run that was looked into, or that shows something without; with its name where there are several.
pub(crate) fn told(report: &Report) -> Vec<(String, Vec<(String, String)>)> {
    let says = |of: &&Diagnosed| {
        of.post_mortem.is_some()
            || report.diagnoses.len() == 1
            || !of.diagnosis.findings.is_empty()
            || of.diagnosis.saw_polls
    };
    let rows = |of: &Diagnosed| {
        let label = if report.diagnoses.len() > 1 { of.label.clone() } else { String::new() };
        let hang = of.post_mortem.iter().flat_map(|dead| hang::lines(dead, &hang::explain(dead)));
        (label, rows(&of.diagnosis).into_iter().chain(hang).collect())
    };
    report.diagnoses.iter().filter(says).map(rows).collect()
}

/// The findings in rows: what a row is, and its text.
pub(crate) fn rows(diagnosis: &Diagnosis) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = diagnosis.findings.iter().flat_map(of_finding).collect();
    if diagnosis.findings.is_empty() {
        let why = match (diagnosis.saw_polls, diagnosis.hung) {
            (false, _) => "cannot tell: the lens sched saw no polls",
            (true, true) => "it was killed at its deadline, and nothing was found that kept it from ending",
            (true, false) => "nothing found",
        };
        rows.push((diagnosis.says().to_string(), why.into()));
    }
    rows.extend(diagnosis.refused.iter().map(refused));
    rows.push(("looked at".into(), or_nothing(&diagnosis.looked_at)));
    if !diagnosis.not_looked_at.is_empty() {
        rows.push(("not looked at".into(), diagnosis.not_looked_at.join("; ")));
    }
    rows
}

/// `long poll in shop::import: 2.00 % is smaller than what watching cost, 3.00 %`
fn refused(refused: &Refused) -> (String, String) {
    let place = refused.at.as_ref().map_or_else(String::new, |at| format!(" in {at}"));
    ("refused".into(), format!("{}{place}: {}", refused.cause, refused.because))
}

fn or_nothing(looked_at: &[String]) -> String {
    if looked_at.is_empty() { "nothing".into() } else { looked_at.join("; ") }
}

fn of_finding(finding: &Finding) -> Vec<(String, String)> {
    let row = |name: &str, text: String| (name.to_owned(), text);
    let mut rows = vec![row(&finding.cause.to_string(), what(finding))];
    if !finding.evidence.is_empty() {
        rows.push(row("  evidence", finding.evidence.join("; ")));
    }
    rows.push(row("  refuted by", finding.refuted_by.into()));
    rows.push(row("  remedy", format!("{} (chapter {})", finding.remedy, finding.chapter)));
    rows
}

/// `shop::import (src/buggy.rs:12), 2740 s of waiting, 3 369 requests hit`
fn what(finding: &Finding) -> String {
    let place = place(finding).unwrap_or_else(|| "no one place".into());
    [Some(place), cost(&finding.cost)].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// The function with its line.
pub(crate) fn place(finding: &Finding) -> Option<String> {
    let function = finding.at.as_ref()?;
    let line = finding.file.as_ref().zip(finding.line).map(|(file, line)| format!(" ({}:{line})", short(file)));
    Some(format!("{function}{}", line.unwrap_or_default()))
}

/// The last three parts of a path: enough to find it, short enough for a line.
fn short(file: &str) -> String {
    let parts: Vec<&str> = file.split('/').collect();
    parts[parts.len().saturating_sub(3)..].join("/")
}

/// What it cost, as far as that is known.
pub(crate) fn cost(cost: &Cost) -> Option<String> {
    let waited = cost.ms.map(|ms| format!("cost {}", time_ms(ms)));
    let hit = cost.requests.map(|requests| format!("{} requests hit", grouped(requests as i64)));
    let told: Vec<String> = waited.into_iter().chain(hit).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// What a program is told.
#[derive(Debug, Serialize)]
pub(crate) struct OneDiagnosis<'a> {
    variant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    says: lab_recording::Cause,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
}

/// The findings of a run: of several runs of a variant all say the same. Nothing if nobody looked.
pub(crate) fn of_run<'a>(report: &'a Report, run: &Analysis) -> Option<&'a [Finding]> {
    let spec = &run.recording.spec;
    let side = spec.pair.as_ref().map(|pair| pair.side);
    let its = report.diagnoses.iter().find(|of| (&of.variant, of.side) == (&spec.variant, side))?;
    let said = !its.diagnosis.findings.is_empty() || its.diagnosis.saw_polls;
    (said && spec.scaled == 1).then_some(&its.diagnosis.findings[..])
}

/// The diagnoses of a report for a program.
pub(crate) fn documents(report: &Report) -> Vec<OneDiagnosis<'_>> {
    report
        .diagnoses
        .iter()
        .map(|of| OneDiagnosis {
            variant: &of.variant,
            side: of.side,
            says: of.diagnosis.says(),
            diagnosis: &of.diagnosis,
        })
        .collect()
}
