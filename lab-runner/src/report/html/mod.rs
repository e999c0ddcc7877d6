//! The report as one page that works from disk, loads nothing and describes in words what its
//! pictures show.
//!
//! What comes from a recording goes through the template, which escapes it. Only the style, the
//! script and the pictures are trusted: our own charts and flame graphs, whose texts are escaped
//! where they are drawn.

pub(crate) mod chart;
mod figures;
mod graphs;
mod growth;
mod headline;
pub(crate) mod moments;
mod overhead;
mod ran;
mod scheduling;
mod source;
mod table;
mod tables;
mod verdict;
mod views;
mod waits;

use crate::report::{Style, latency, sweep};
use askama::Template;
use chart::{Chart, Guides, chart};
use figures::Figure;
use headline::Headline;
use lab_analysis::results::Results;
use moments::{Polls, Slow};
use overhead::Overhead;
use scheduling::Scheduling;
use table::Table;
use views::View;
use waits::Waits;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
/// A page is no terminal.
const WORDS: Style = Style::new(false);

/// All that stands on the page, in its order.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    style: &'static str,
    script: &'static str,
    /// The scenario and its variants, above the headline and in the window's title.
    subject: String,
    headline: Headline,
    /// Warnings that hold for the whole page.
    warnings: Vec<String>,
    figures: Vec<Figure>,
    /// The sections that the page has, for its contents bar: anchor and name.
    contents: Vec<(&'static str, &'static str)>,
    /// The findings of each run that was diagnosed, in rows.
    findings: Vec<(String, Vec<(String, String)>)>,
    /// What became of the cause that was named before.
    fix: Vec<String>,
    compared: Option<Table>,
    growth: Option<Table>,
    latency: Vec<Chart>,
    percentiles: Option<Table>,
    claims: Option<Table>,
    /// Claims that held and look at one run alone, of many.
    quiet: Option<Table>,
    not_judged: String,
    runs: Option<Table>,
    scheduling: Option<Scheduling>,
    waits: Vec<Waits>,
    views: Vec<View>,
    /// Why pictures are not drawn to the last frame.
    narrowest: String,
    /// Whether a view has the picture of a difference, whose colours have a legend of their own.
    differs: bool,
    missing: Vec<(String, String)>,
    polls: Vec<Polls>,
    slow: Vec<Slow>,
    memory: Option<Chart>,
    overhead: Overhead,
    setup: Vec<(&'static str, String)>,
    dropped: Vec<String>,
    environment: Vec<(&'static str, String)>,
    command: String,
    text: String,
}

/// The whole page.
pub(crate) fn page(report: &Results) -> anyhow::Result<String> {
    let (views, narrowest) = views::all(report);
    let claims = tables::claims(report);
    let mut page = Page {
        style: STYLE,
        script: SCRIPT,
        subject: verdict::head(report),
        headline: headline::headline(report),
        warnings: ran::doubts(report),
        figures: figures::figures(report),
        contents: Vec::new(),
        findings: crate::report::findings::labelled(report),
        fix: crate::report::findings::fix_rows(report).into_iter().map(|(_, text)| text).collect(),
        compared: report
            .comparison
            .as_ref()
            .and_then(|comparison| tables::compared(comparison).some()),
        growth: report.sweep.as_ref().and_then(growth::table),
        latency: charts(report),
        percentiles: tables::percentiles(report),
        claims: claims.judged,
        quiet: claims.quiet,
        not_judged: claims.not_judged,
        runs: tables::runs(report),
        scheduling: scheduling::scheduling(report),
        waits: waits::waits(report),
        differs: views
            .iter()
            .flat_map(|view| &view.pictures)
            .any(|picture| picture.differs && picture.folded.is_ok()),
        views,
        narrowest,
        missing: crate::report::profilers::missing(report),
        polls: moments::polls(report),
        slow: moments::slow(report),
        memory: moments::memory(report).map(|plot| chart(&plot, Guides::None)),
        overhead: overhead::overhead(report),
        setup: ran::facts(report),
        dropped: ran::dropped(report),
        environment: ran::environment(report),
        command: crate::report::compare::repeat(report).unwrap_or_default(),
        text: text(report),
    };
    page.contents = contents(&page);
    Ok(page.render()?)
}

/// The sections that are there, in their order.
fn contents(page: &Page) -> Vec<(&'static str, &'static str)> {
    let cost = if page.growth.is_some() { "Growth" } else { "Latency" };
    let all = [
        (true, "finding", "Finding"),
        (!page.latency.is_empty() || page.percentiles.is_some(), "latency", cost),
        (page.scheduling.is_some(), "scheduling", "Blame"),
        (!page.waits.is_empty(), "waits", "Waits"),
        (true, "profilers", "Flame graphs"),
        (true, "runs", "Runs"),
    ];
    all.into_iter().filter(|(there, ..)| *there).map(|(_, anchor, name)| (anchor, name)).collect()
}

/// How responses are distributed and develop; of a sweep, how its cost grows.
fn charts(report: &Results) -> Vec<Chart> {
    let (plots, guides) = match (&report.comparison, &report.sweep) {
        (Some(comparison), _) => (latency::figures(report, comparison), Guides::None),
        (None, Some(swept)) => (sweep::figures(swept, &report.spec), Guides::Growth),
        (None, None) => (latency::of_variants(report), Guides::None),
    };
    plots.into_iter().map(|(_, plot)| chart(&plot, guides)).collect()
}

/// The same as text, as a terminal shows it.
fn text(report: &Results) -> String {
    let mut text = Vec::new();
    // Writing to memory cannot fail, and a report without it is one all the same.
    let _ = crate::report::print(report, None, WORDS, &mut text);
    anstream::adapter::strip_str(&String::from_utf8_lossy(&text)).to_string()
}

#[cfg(test)]
pub(crate) mod tests;
