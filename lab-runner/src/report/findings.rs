//! The findings in words: the end of every report on a run.

use crate::report::table::DIM;
use crate::report::units::{ascii, grouped, time_ms, wrapped};
use crate::report::{Style, sched};
use lab_analysis::diagnosis::fix_outcome::Gone;
use lab_analysis::diagnosis::{BelowOverhead, Cost, Diagnosis, Finding};
use lab_analysis::hang;
use lab_analysis::requests::Analysis;
use lab_analysis::results::Results;
use lab_analysis::results::diagnosed::{Diagnosed, fix};
use lab_recording::spec::Side;
use serde::Serialize;
use std::io::{self, Write};

/// Characters of a line.
pub(crate) const WIDTH: usize = 128;

/// The same in rows.
pub(crate) fn fix_rows(report: &Results) -> Vec<(String, String)> {
    let Some(fix) = fix(report) else { return Vec::new() };
    let named = fix.cause.map_or_else(String::new, |cause| {
        let place = fix.function.as_ref().map_or_else(String::new, |at| format!(" in {at}"));
        format!(" ({cause}{place})")
    });
    let gone = format!("the named cause{named} is gone: {}: {}", fix.gone.word(), fix.reason);
    let left = left(report);
    let moved = match (&fix.moved_to[..], left) {
        ([], None) if fix.gone == Gone::Undecided => None,
        ([], None) => Some("the cost moved to: no other place that was examined".to_owned()),
        ([], Some(left)) => Some(format!("the cost moved to: no place with a finding; {left}")),
        (to, _) => Some(format!("the cost moved to: {}", to.join(", "))),
    };
    [Some(("verdict".to_owned(), gone)), moved.map(|moved| (String::new(), moved))]
        .into_iter()
        .flatten()
        .collect()
}

/// The largest remaining waiting after the fix.
fn left(report: &Results) -> Option<String> {
    let runs = sched::runs(report);
    let after = runs.iter().find(|run| run.profile.side() == Some(Side::B))?;
    let blames = after.blames(Style::new(false));
    blames.first().map(|blame| format!("remaining: {blame}"))
}

/// Prints the findings of a report, and the effect of a fix on the cause.
pub(crate) fn print(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (label, rows) in labelled(report) {
        let heads =
            std::iter::once(format!("findings {label}")).chain(std::iter::repeat(String::new()));
        writeln!(to)?;
        heads
            .zip(rows)
            .try_for_each(|(head, (name, text))| print_row(&head, &name, &text, style, to))?;
    }
    let fix = fix_rows(report);
    if !fix.is_empty() {
        writeln!(to)?;
    }
    for (head, text) in fix {
        let heads = std::iter::once(head).chain(std::iter::repeat(String::new()));
        heads
            .zip(wrapped(&text, WIDTH))
            .try_for_each(|(head, line)| writeln!(to, "{head:<10} {}", ascii(&line, style)))?;
    }
    Ok(())
}

/// A row, broken into lines between words.
fn print_row(
    head: &str,
    name: &str,
    text: &str,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    for (number, line) in wrapped(text, WIDTH).iter().enumerate() {
        let (head, name) = if number == 0 { (head, name) } else { ("", "") };
        writeln!(to, "{head:<10} {DIM}{:<14}{DIM:#} {}", ascii(name, style), ascii(line, style))?;
    }
    Ok(())
}

/// The rows of each run with a diagnosis, labelled with its name where there are several.
pub(crate) fn labelled(report: &Results) -> Vec<(String, Vec<(String, String)>)> {
    let is_listed = |of: &&Diagnosed| {
        of.post_mortem.is_some()
            || report.diagnoses.len() == 1
            || !of.diagnosis.findings.is_empty()
            || of.diagnosis.polls_recorded
    };
    let rows = |of: &Diagnosed| {
        let label = if report.diagnoses.len() > 1 { of.label.clone() } else { String::new() };
        let hang = of.post_mortem.iter().flat_map(|dead| hang::lines(dead, &hang::explain(dead)));
        (label, rows(&of.diagnosis).into_iter().chain(hang).collect())
    };
    report.diagnoses.iter().filter(is_listed).map(rows).collect()
}

/// The findings in rows: what a row is, and its text.
pub(crate) fn rows(diagnosis: &Diagnosis) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = diagnosis.findings.iter().flat_map(of_finding).collect();
    if diagnosis.findings.is_empty() {
        rows.push((diagnosis.conclusion().to_string(), without_findings(diagnosis)));
    }
    rows.extend(diagnosis.below_overhead.iter().map(below_overhead));
    if !diagnosis.waits_outside.is_empty() {
        rows.push(("waits outside".into(), diagnosis.waits_outside.join("; ")));
    }
    rows.push(("examined".into(), or_nothing(&diagnosis.examined)));
    if !diagnosis.not_examined.is_empty() {
        rows.push(("not examined".into(), diagnosis.not_examined.join("; ")));
    }
    rows
}

/// Why there is no finding: `undecided: 3 requests have no answer`.
fn without_findings(diagnosis: &Diagnosis) -> String {
    let why = match (diagnosis.polls_recorded, diagnosis.hung) {
        (false, _) => "undecided: no polls were recorded",
        (true, true) => "killed at its deadline, and no cause of the hang was found",
        (true, false) if diagnosis.unexplained.is_empty() => "nothing found",
        (true, false) => return format!("undecided: {}", diagnosis.unexplained.join("; ")),
    };
    std::iter::once(why)
        .chain(diagnosis.unexplained.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("; ")
}

/// `long poll in shop::import: 2.00 % is smaller than the profiling overhead, 3.00 %`
fn below_overhead(small: &BelowOverhead) -> (String, String) {
    let place = small.function.as_ref().map_or_else(String::new, |at| format!(" in {at}"));
    ("below cost".into(), format!("{}{place}: {}", small.cause, small.reason))
}

fn or_nothing(examined: &[String]) -> String {
    if examined.is_empty() { "nothing".into() } else { examined.join("; ") }
}

fn of_finding(finding: &Finding) -> Vec<(String, String)> {
    let row = |name: &str, text: String| (name.to_owned(), text);
    let mut rows = vec![row(&finding.cause.to_string(), summary(finding))];
    if !finding.evidence.is_empty() {
        rows.push(row("  evidence", finding.evidence.join("; ")));
    }
    rows.push(row("  ruled out if", finding.refuted_by.into()));
    rows.push(row("  remedy", finding.remedy.into()));
    rows
}

/// `shop::import (src/buggy.rs:12): 3 369 requests waited 813 ms on average`
fn summary(finding: &Finding) -> String {
    let place = place(finding).unwrap_or_else(|| "no one place".into());
    [Some(place), cost(&finding.cost)].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// The function with its line.
pub(crate) fn place(finding: &Finding) -> Option<String> {
    let function = finding.function.as_ref()?;
    let line = finding
        .file
        .as_ref()
        .zip(finding.line)
        .map(|(file, line)| format!(" ({}:{line})", short(file)));
    Some(format!("{function}{}", line.unwrap_or_default()))
}

/// The last three parts of a path: enough to find it, short enough for a line.
fn short(file: &str) -> String {
    let parts: Vec<&str> = file.split('/').collect();
    parts[parts.len().saturating_sub(3)..].join("/")
}

/// What each victim lost: a sum over requests would be longer than the run.
pub(crate) fn cost(cost: &Cost) -> Option<String> {
    let requests = |count: u64| {
        if count == 1 {
            "1 request".to_owned()
        } else {
            format!("{} requests", grouped(count as i64))
        }
    };
    match (cost.ms, cost.requests) {
        (Some(ms), Some(1)) => Some(format!("1 request waited {}", time_ms(ms))),
        (Some(ms), Some(hit @ 2..)) => {
            Some(format!("{} waited {} on average", requests(hit), time_ms(ms / hit as f64)))
        }
        (None, Some(hit @ 1..)) => Some(format!("{} affected", requests(hit))),
        (Some(ms), _) => Some(format!("{} of waiting", time_ms(ms))),
        (None, _) => None,
    }
}

/// A diagnosis in the machine-readable result.
#[derive(Debug, Serialize)]
pub(crate) struct OneDiagnosis<'a> {
    variant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    conclusion: lab_recording::Cause,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
}

/// The findings of a run, the same for all runs of a variant. None without a profiled run.
pub(crate) fn of_run<'a>(report: &'a Results, run: &Analysis) -> Option<&'a [Finding]> {
    let spec = &run.recording.spec;
    let side = spec.side();
    let its = report.diagnoses.iter().find(|of| (&of.variant, of.side) == (&spec.variant, side))?;
    let diagnosed = !its.diagnosis.findings.is_empty() || its.diagnosis.polls_recorded;
    (diagnosed && spec.purpose.ratio() == 1).then_some(&its.diagnosis.findings[..])
}

/// The diagnoses of a report for a program.
pub(crate) fn documents(report: &Results) -> Vec<OneDiagnosis<'_>> {
    report
        .diagnoses
        .iter()
        .map(|of| OneDiagnosis {
            variant: &of.variant,
            side: of.side,
            conclusion: of.diagnosis.conclusion(),
            diagnosis: &of.diagnosis,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_that_of_one_victim() {
        let cost = |ms, requests| cost(&Cost { ms, requests });
        assert_eq!(
            cost(Some(341_000.0), Some(1_183)).unwrap(),
            "1 183 requests waited 288 ms on average"
        );
        assert_eq!(cost(Some(20.0), Some(1)).unwrap(), "1 request waited 20.0 ms");
        assert_eq!(cost(None, Some(2)).unwrap(), "2 requests affected");
        assert_eq!(cost(Some(20.0), None).unwrap(), "20.0 ms of waiting");
        assert_eq!(cost(None, None), None);
    }
}
