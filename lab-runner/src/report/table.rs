//! Several runs on one screen: a row a run, then the claims that compare them.

use crate::report::detail;
use crate::report::detail::{asked, environment, validity_colour};
use crate::report::units;
use crate::report::units::{ascii, reading};
use crate::report::{Style, profilers, sched};
use anstyle::Style as Colour;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::requests::Analysis;
use lab_analysis::results::Results;
use lab_kit::{Column, Measure};
use lab_recording::Ending;
use std::io::{self, Write};
use std::path::Path;

pub(crate) const BOLD: Colour = Colour::new().bold();
pub(crate) const DIM: Colour = Colour::new().dimmed();

/// Prints the runs of an invocation.
pub(crate) fn print(report: &Results, page: Option<&Path>, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let spec = &report.spec;
    let head = format!("{} · {} runs", spec.scenario, report.runs.len());
    writeln!(to, "{BOLD}{}{BOLD:#}", ascii(&head, style))?;
    writeln!(to, "asked      {}", ascii(&asked(spec), style))?;
    writeln!(to, "on         {}\n", ascii(&environment(spec), style))?;
    let heads: String = report.columns.iter().map(|column| format!("{:>11}", column.head)).collect();
    writeln!(to, "{DIM}{:<21} {:<5}{heads}  ending{DIM:#}", "", "")?;
    report.runs.iter().try_for_each(|(run, _)| print_row(run, report.columns, style, to))?;
    let shown = report.runs.iter().flat_map(|(run, _)| report.columns.iter().filter_map(|c| run.metrics.get(c.metric)));
    detail::print_marks(shown, style, to)?;
    print_claims(report, style, to)?;
    profilers::print_which(report, style, to)?;
    sched::print_which(report, style, to)?;
    writeln!(to, "\nrecording  {}", report.folder.display())?;
    detail::print_page(page, to)?;
    writeln!(to, "next       lab report {}/01-{}", report.folder.display(), spec.variant)
}

/// The variant's name, with its size if that is not the plain one.
pub(crate) fn name(run: &Analysis) -> String {
    let spec = &run.recording.spec;
    if spec.purpose.ratio() == 1 { spec.variant.clone() } else { format!("{} × {}", spec.variant, spec.purpose.ratio()) }
}

fn print_row(run: &Analysis, columns: &[Column], style: Style, to: &mut dyn Write) -> io::Result<()> {
    let spec = &run.recording.spec;
    write!(to, "{:<21} {:<5}", ascii(&name(run), style), spec.kind)?;
    for column in columns {
        match run.metrics.get(column.metric) {
            Some(r) if r.because.is_some() => write!(to, "{DIM}{:>11}{DIM:#}", reading(column.metric, r, style))?,
            Some(r) => write!(to, "{:>11}", reading(column.metric, r, style))?,
            None => write!(to, "{DIM}{:>11}{DIM:#}", "-")?,
        }
    }
    let colour = validity_colour(run.validity.verdict);
    let outcome = &run.recording.outcome;
    let reason = outcome.text.iter().filter(|_| outcome.ending != Ending::Finished).chain(&run.validity.reasons).next();
    let reason = reason.and_then(|text| text.lines().next()).map(|text| format!(": {text}")).unwrap_or_default();
    writeln!(to, "  {}, {colour}{}{colour:#}{}", outcome.ending, run.validity.verdict, ascii(&reason, style))
}

/// Claims that compare runs in full, for they are the story, and all that did not hold; the rest as a number.
fn print_claims(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let runs = report.runs.iter();
    let all: Vec<(&Analysis, &Judged)> =
        runs.flat_map(|(run, claims)| claims.iter().map(move |c| (run, c))).filter(|(_, claim)| claim.asked).collect();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(to)?;
    for (run, claim) in all.iter().filter(|(_, claim)| is_story(claim)) {
        write!(to, "{DIM}{:<16}{DIM:#}", run.recording.spec.variant)?;
        detail::print_claim(claim, style, to)?;
    }
    let held = all.iter().filter(|(_, claim)| claim.verdict == Verdict::Held).count();
    let quiet = units::grouped(all.iter().filter(|(_, claim)| !is_story(claim)).count() as i64);
    writeln!(to, "{held} of {} claims held; {quiet} that look at a single run are told by lab report RUN", all.len())?;
    let sweeps = report.runs.iter().flat_map(|(_, claims)| claims).filter(|claim| !claim.asked);
    match sweeps.filter(|claim| lab_analysis::claims::is_about_a_sweep(&claim.claim)).count() {
        0 => Ok(()),
        n => writeln!(to, "{DIM}{n} more need several sizes: lab sweep {}{DIM:#}", report.spec.scenario),
    }
}

pub(crate) fn is_story(claim: &Judged) -> bool {
    let compares = matches!(claim.claim.measure, Measure::Ratio { .. } | Measure::Growth { .. });
    compares || claim.verdict != Verdict::Held
}
