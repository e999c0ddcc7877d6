//! Views of recordings: one screen of text, or one JSON document. Pure but for reading the folders.

pub(crate) mod awaits;
pub(crate) mod chart;
pub(crate) mod compare;
pub(crate) mod detail;
pub(crate) mod findings;
pub(crate) mod flames;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod latency;
pub(crate) mod ledger;
pub(crate) mod noise;
pub(crate) mod overhead;
pub mod plot;
pub(crate) mod profilers;
pub(crate) mod sched;
pub(crate) mod screen;
mod style;
pub(crate) mod sweep;
pub(crate) mod table;
pub(crate) mod trials;
pub(crate) mod units;

use crate::printable;
use lab_analysis::results::Results;
use plot::Plot;
use std::io::{self, Write};
use std::path::Path;

pub use json::document;
pub use style::{Style, Verbosity};

/// What profilers saw as pictures: file name and SVG.
pub fn flames(results: &Results) -> Vec<(String, String)> {
    flames::all(results)
}

/// The whole report as one page that loads nothing.
///
/// # Errors
/// If a drawing library refuses.
pub fn page(results: &Results) -> anyhow::Result<String> {
    Ok(printable::for_page(&html::page(results)?))
}

/// The pictures of its sweep or its comparison, if there is one: file name and plot.
pub fn figures(results: &Results) -> Vec<(&'static str, Plot)> {
    match (&results.comparison, &results.sweep) {
        (Some(comparison), _) => latency::figures(results, comparison),
        (None, Some(sweep)) => sweep::figures(sweep, &results.spec),
        (None, None) => Vec::new(),
    }
}

/// Prints the text report: a screen, and what the verbosity adds to it.
///
/// # Errors
/// If `to` cannot be written.
pub fn print(
    results: &Results,
    page: Option<&Path>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let is_trials =
        results.runs.first().is_some_and(|(run, _)| run.recording.spec.purpose.trial().is_some());
    if is_trials && results.comparison.is_none() {
        trials::print(results, style, to)?;
    } else {
        let lab = screen::invoked();
        let view = screen::View { results, page, style, lab: &lab, read: &screen::read_source };
        // One line stays one, however long it is: other programs read it.
        let width = if style.verbosity == Verbosity::Quiet { usize::MAX } else { style.width };
        let lines = screen::folded(&screen::lines(&view), Style { width, ..style });
        lines.iter().try_for_each(|line| writeln!(to, "{line}"))?;
        if style.verbosity == Verbosity::Full {
            full(results, style, to)?;
        }
    }
    match &results.sweep {
        Some(sweep) => sweep::print(results, sweep, style, to),
        None => Ok(()),
    }
}

/// All that is known besides, folded as the screen is.
fn full(results: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    match (&results.comparison, &results.runs[..]) {
        (Some(comparison), _) => compare::print(results, comparison, style, &mut text)?,
        (None, []) => {}
        (None, [(run, _)]) => detail::print(results, run, style, &mut text)?,
        (None, _) => table::print(results, style, &mut text)?,
    }
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().flat_map(|line| screen::fold(line, FULL, style.width));
    writeln!(to)?;
    lines.into_iter().try_for_each(|line| writeln!(to, "{line}"))
}

/// The column at which a folded line of the full report goes on.
const FULL: usize = 26;
