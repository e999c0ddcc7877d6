//! Views of recordings: one screen of text, or one JSON document. Pure but for reading the folders.

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
pub(crate) mod sweep;
pub(crate) mod table;
pub(crate) mod trials;
pub(crate) mod units;

use lab_analysis::results::Results;
use plot::Plot;
use std::io::{self, Write};
use std::path::Path;

pub use json::document;

/// How text is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Only ASCII.
    pub plain: bool,
    /// Beside the honest numbers of a run, those of a closed-loop benchmark.
    pub naive: bool,
}

/// What profilers saw as pictures: file name and SVG.
pub fn flames(results: &Results) -> Vec<(String, String)> {
    flames::all(results)
}

/// The whole report as one page that loads nothing.
///
/// # Errors
/// If a drawing library refuses.
pub fn page(results: &Results) -> anyhow::Result<String> {
    html::page(results)
}

/// The pictures of its sweep or its comparison, if there is one: file name and plot.
pub fn figures(results: &Results) -> Vec<(&'static str, Plot)> {
    match (&results.comparison, &results.sweep) {
        (Some(comparison), _) => latency::figures(results, comparison),
        (None, Some(sweep)) => sweep::figures(sweep, &results.spec),
        (None, None) => Vec::new(),
    }
}

/// Prints the text report: one run in detail, several as a table, trials and sweeps summed up.
///
/// # Errors
/// If `to` cannot be written.
pub fn print(results: &Results, page: Option<&Path>, style: Style, to: &mut dyn Write) -> io::Result<()> {
    if let Some(comparison) = &results.comparison {
        return compare::print(results, comparison, page, style, to);
    }
    match &results.runs[..] {
        [] => {}
        [(run, _), ..] if run.recording.spec.purpose.trial().is_some() => trials::print(results, style, to)?,
        [(run, claims)] => detail::print(results, (run, claims), page, style, to)?,
        _ => table::print(results, page, style, to)?,
    }
    match &results.sweep {
        Some(sweep) => sweep::print(results, sweep, style, to),
        None => Ok(()),
    }
}
