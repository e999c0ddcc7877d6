//! The report as one page that works from disk, loads nothing and says in words what its pictures show.
//!
//! What comes from a recording goes through the template, which escapes it. Trusted as it is are the style, the script and
//! the pictures alone: our own plots and flame graphs, whose texts are escaped where they are drawn.

mod graphs;
mod moments;
mod overhead;
mod ran;
mod scheduling;
mod table;
mod tables;
mod verdict;
mod views;

use crate::report::plot::Plot;
use crate::report::{Style, latency, sweep};
use askama::Template;
use lab_analysis::results::Results;
use moments::{Polls, Slow};
use overhead::Watched;
use scheduling::Scheduling;
use table::Table;
use verdict::Sentence;
use views::View;

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
    /// What was done, above the verdict and in the window's title.
    head: String,
    verdict: Sentence,
    /// What has to be known before believing it.
    doubts: Vec<String>,
    /// What is wrong with each run that was looked into, in rows.
    findings: Vec<(String, Vec<(String, String)>)>,
    /// What became of the cause that was named before.
    fix: Vec<String>,
    latency: Vec<Drawn>,
    percentiles: Option<Table>,
    claims: Option<Table>,
    /// Claims that held and look at one run alone, of many.
    quiet: Option<Table>,
    unasked: String,
    compared: Option<Table>,
    runs: Option<Table>,
    scheduling: Option<Scheduling>,
    views: Vec<View>,
    /// Why pictures are not drawn to the last frame.
    narrowest: String,
    missing: Vec<(String, String)>,
    polls: Vec<Polls>,
    slow: Vec<Slow>,
    memory: Option<Drawn>,
    watched: Watched,
    asked: Vec<(&'static str, String)>,
    dropped: Vec<String>,
    environment: Vec<(&'static str, String)>,
    command: String,
    text: String,
}

/// A plot, and what it shows in words.
struct Drawn {
    title: String,
    svg: String,
    says: Vec<String>,
}

/// The whole page.
pub(crate) fn page(report: &Results) -> anyhow::Result<String> {
    let (views, narrowest) = views::all(report);
    let claims = tables::claims(report);
    let page = Page {
        style: STYLE,
        script: SCRIPT,
        head: verdict::head(report),
        verdict: verdict::sentence(report),
        doubts: ran::doubts(report),
        findings: crate::report::findings::told(report),
        fix: crate::report::findings::fix_rows(report).into_iter().map(|(_, text)| text).collect(),
        latency: drawn(plots(report))?,
        percentiles: tables::percentiles(report),
        claims: claims.told,
        quiet: claims.quiet,
        unasked: claims.unasked,
        compared: report.comparison.as_ref().and_then(|comparison| tables::compared(comparison).some()),
        runs: tables::runs(report),
        scheduling: scheduling::of(report),
        views,
        narrowest,
        missing: crate::report::profilers::missing(report),
        polls: moments::polls(report),
        slow: moments::slow(report),
        memory: drawn(moments::memory(report).into_iter().collect())?.pop(),
        watched: overhead::of(report),
        asked: ran::asked(report),
        dropped: ran::dropped(report),
        environment: ran::environment(report),
        command: crate::report::compare::repeat(report).unwrap_or_default(),
        text: text(report),
    };
    Ok(page.render()?)
}

/// How responses are distributed and develop; of a sweep, how its cost grows.
fn plots(report: &Results) -> Vec<Plot> {
    let figures = match (&report.comparison, &report.sweep) {
        (Some(comparison), _) => latency::figures(report, comparison),
        (None, Some(swept)) => sweep::figures(swept, &report.spec),
        (None, None) => latency::of_variants(report),
    };
    figures.into_iter().map(|(_, plot)| plot).collect()
}

fn drawn(plots: Vec<Plot>) -> anyhow::Result<Vec<Drawn>> {
    let one = |plot: Plot| {
        let svg = plot.svg()?;
        let says = plot.says.split_inclusive(". ").map(|sentence| sentence.trim().to_owned());
        Ok(Drawn { says: says.filter(|sentence| !sentence.is_empty()).collect(), title: plot.title, svg })
    };
    plots.into_iter().map(one).collect()
}

/// The same in characters, as a terminal shows it.
fn text(report: &Results) -> String {
    let mut text = Vec::new();
    // Writing to memory cannot fail, and a report without it is one all the same.
    let _ = crate::report::print(report, None, WORDS, &mut text);
    anstream::adapter::strip_str(&String::from_utf8_lossy(&text)).to_string()
}

#[cfg(test)]
pub(crate) mod tests;
