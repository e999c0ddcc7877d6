//! What `lab run`, `lab run --all` and `lab compare` print: one screen each, of blocks in the order
//! finding, what it cost, evidence, latency, and where the rest is. Builders return lines and print
//! nothing; what they need from outside, the text of source files and the name of the binary, is
//! handed to them.

pub(crate) mod all;
mod checks;
pub(crate) mod compare;
mod finding;
mod health;
mod invoked;
mod latency;
mod load;
mod metrics;
pub(crate) mod run;
mod source;
mod text;

pub(crate) use invoked::invoked;
pub(crate) use latency::marks;
pub(crate) use text::{LABEL, Line, fold, folded};

use crate::report::{Style, Verbosity};
use lab_analysis::results::Results;
use lab_recording::spec::{Side, Spec};
use std::path::Path;

/// What a screen is built from.
pub(crate) struct View<'a> {
    pub results: &'a Results,
    /// The page, if one was written.
    pub page: Option<&'a Path>,
    pub style: Style,
    /// What is typed to run the lab: `cargo lab`.
    pub lab: &'a str,
    /// The text of a source file, if it is there.
    pub read: &'a dyn Fn(&str) -> Option<String>,
}

impl View<'_> {
    /// Whether more than one screen is wanted.
    pub fn is_verbose(&self) -> bool {
        self.style.verbosity >= Verbosity::Verbose
    }

    /// Where the page is, else the recording, and how to see all of it as text if that fits the
    /// line.
    pub fn rest(&self) -> Line {
        let (label, path) = match self.page {
            Some(page) => ("report", page.display().to_string()),
            None => ("recording", self.results.folder.display().to_string()),
        };
        let whole = format!("{path}   (in text: {} report -v)", self.lab);
        let fits = LABEL + whole.chars().count() <= self.style.width;
        Line::labelled(label, if fits && !self.is_verbose() { &whole } else { &path })
    }
}

/// The side of a comparison that a run belongs to.
fn side_of(spec: &Spec) -> Option<Side> {
    spec.purpose.pair().map(|pair| pair.side)
}

/// What the size of a run's load was multiplied by.
fn ratio_of(spec: &Spec) -> usize {
    spec.purpose.ratio()
}

/// The text of a source file.
pub(crate) fn read_source(file: &str) -> Option<String> {
    source::read(file)
}

/// The screen of a report: none of a sweep or of trials, which have their own.
pub(crate) fn lines(view: &View<'_>) -> Vec<Line> {
    let quiet = view.style.verbosity == Verbosity::Quiet;
    match (&view.results.comparison, &view.results.runs[..]) {
        (Some(comparison), _) if quiet => vec![compare::summary(view, comparison)],
        (Some(comparison), _) => compare::lines(view, comparison),
        (None, []) => Vec::new(),
        (None, [(run, claims)]) if quiet => vec![run::summary(view, run, claims)],
        (None, [(run, claims)]) => run::lines(view, run, claims),
        (None, _) if quiet => vec![all::summary(view)],
        (None, _) => all::lines(view),
    }
}

#[cfg(test)]
mod tests;
