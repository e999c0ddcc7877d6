//! Several runs on one screen: a row a run, then the claims that compare them.

use super::detail::{self, asked, environment, validity_colour};
use super::units::{ascii, bounded};
use super::{Style, units};
use crate::analysis::Analysis;
use crate::verdict::{Judged, Verdict};
use anstyle::Style as Colour;
use lab_kit::{Ending, Measure};
use std::io::{self, Write};
use std::path::Path;

const BOLD: Colour = Colour::new().bold();
const DIM: Colour = Colour::new().dimmed();

/// The columns after the name: a metric and its head.
const COLUMNS: [(&str, &str); 4] =
    [("response_p50_us", "p50"), ("response_p99_us", "p99"), ("response_max_us", "max"), ("wait_p99_us", "wait p99")];

/// Prints the runs of an invocation.
pub(super) fn print(
    runs: &[(Analysis, Vec<Judged>)],
    folder: &Path,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let spec = &runs[0].0.recording.spec;
    writeln!(to, "{BOLD}{} · {} runs{BOLD:#}", ascii(&spec.scenario, style), runs.len())?;
    writeln!(to, "asked      {}", ascii(&asked(spec), style))?;
    writeln!(to, "on         {}\n", ascii(&environment(spec), style))?;
    let heads: String = COLUMNS.iter().map(|(_, head)| format!("{head:>11}")).collect();
    writeln!(to, "{DIM}{:<21} {:<5}{heads}  ending{DIM:#}", "", "")?;
    runs.iter().try_for_each(|(run, _)| print_row(run, style, to))?;
    detail::print_marks(runs.iter().map(|(run, _)| run), style, to)?;
    print_claims(runs, style, to)?;
    writeln!(to, "\nrecording  {}", folder.display())?;
    writeln!(to, "next       lab report {}/01-{}", folder.display(), spec.variant)
}

/// The variant's name, with its size if that is not the plain one.
fn name(run: &Analysis) -> String {
    let spec = &run.recording.spec;
    if spec.scaled == 1 { spec.variant.clone() } else { format!("{} × {}", spec.variant, spec.scaled) }
}

fn print_row(run: &Analysis, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let spec = &run.recording.spec;
    write!(to, "{:<21} {:<5}", ascii(&name(run), style), spec.kind)?;
    for (metric, _) in COLUMNS {
        match run.metrics.get(metric) {
            Some(reading) if reading.because.is_some() => write!(to, "{DIM}{:>11}{DIM:#}", bounded(reading, style))?,
            Some(reading) => write!(to, "{:>11}", bounded(reading, style))?,
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
fn print_claims(runs: &[(Analysis, Vec<Judged>)], style: Style, to: &mut dyn Write) -> io::Result<()> {
    let all: Vec<(&Analysis, &Judged)> =
        runs.iter().flat_map(|(run, claims)| claims.iter().map(move |c| (run, c))).collect();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(to)?;
    for (run, claim) in all.iter().filter(|(_, claim)| is_story(claim)) {
        write!(to, "{DIM}{:<15}{DIM:#}", run.recording.spec.variant)?;
        detail::print_claim(claim, style, to)?;
    }
    let held = all.iter().filter(|(_, claim)| claim.verdict == Verdict::Held).count();
    let quiet = all.iter().filter(|(_, claim)| !is_story(claim)).count();
    let counted = units::grouped(quiet as i64);
    writeln!(to, "{held} of {} claims held; {counted} that look at a single run are told by lab report RUN", all.len())
}

fn is_story(claim: &Judged) -> bool {
    let compares = matches!(claim.claim.measure, Measure::Ratio { .. } | Measure::Growth { .. });
    compares || claim.verdict != Verdict::Held
}
