//! The pictures of the book that are made from recordings: SVG that takes its colours from the
//! page's style sheet, so that it is right in light and dark, and says in words what it shows.

use super::recordings::Recordings;
use crate::report::html::chart::{Chart, Guides, chart};
use crate::report::html::moments;
use crate::report::plot::Plot;
use crate::report::plot::svg::escaped;
use crate::report::sched::palette::Palette;
use crate::report::sched::timeline;
use crate::report::{Style, latency, sched, sweep};
use anyhow::Context;
use lab_analysis::evidence::Evidence;
use lab_analysis::results::Results;
use lab_analysis::stacks::Plumbing;
use lab_analysis::stacks::flame::{Icicle, Shape, icicle, icicle_of_difference};
use std::fmt::Write;

/// Pixels of a line of the legend, and where it begins.
const LEGEND_ROW: usize = 22;
const LEGEND_LEFT: usize = 92;
/// The size of a chart without its legend.
const CHART: (usize, usize) = (640, 400);
/// Stretches of a worker that a picture shows, and of a flame graph the narrowest frame in percent
/// and the number of rows: a page is to stay small, and what is deep inside a parser is no lesson.
const SEGMENTS: usize = 600;
const NARROWEST: f64 = 0.8;
const ROWS: usize = 24;

/// A picture of the book: the name of its file, the recording that it is made from, and what it
/// shows of it.
pub(super) struct Figure {
    pub name: &'static str,
    recording: &'static str,
    shows: Shows,
}

enum Shows {
    /// Responses of these variants: their distribution, or how they develop.
    Distribution(&'static [&'static str]),
    OverTime(&'static [&'static str]),
    /// What each worker of a variant did.
    Worker(&'static str),
    /// The stacks of a variant in one view.
    Stacks(&'static str, &'static str),
    /// How the stacks of two variants, or of the two sides of a comparison, differ in one view.
    Difference(&'static str, [&'static str; 2], Shape),
    /// How a metric grows over the sizes of a sweep, by the file name of its picture.
    Growth(&'static str),
    /// The memory of these variants over time.
    Memory(&'static [&'static str]),
}

const fn figure(name: &'static str, recording: &'static str, shows: Shows) -> Figure {
    Figure { name, recording, shows }
}

/// Every picture that is made from a recording.
pub(super) const FIGURES: &[Figure] = &[
    figure("greedy-over-time", "greedy", Shows::OverTime(&["buggy", "fixed", "offload"])),
    figure(
        "greedy-distribution",
        "greedy",
        Shows::Distribution(&["buggy", "fixed", "time-slice", "offload"]),
    ),
    figure("greedy-worker", "greedy", Shows::Worker("buggy")),
    figure("greedy-worker-fixed", "greedy", Shows::Worker("fixed")),
    figure("greedy-cpu", "greedy", Shows::Stacks("cpu", "buggy")),
    figure("greedy-cpu-fixed", "greedy", Shows::Stacks("cpu", "fixed")),
    figure(
        "greedy-cpu-difference",
        "greedy",
        Shows::Difference("cpu", ["buggy", "fixed"], Shape::Before),
    ),
    figure("greedy-blame", "greedy", Shows::Stacks("sched blame", "buggy")),
    figure(
        "blocking-over-time",
        "blocking",
        Shows::OverTime(&["buggy", "fixed", "block-in-place"]),
    ),
    figure("blocking-cpu", "blocking", Shows::Stacks("cpu", "buggy")),
    figure("blocking-off-cpu", "blocking", Shows::Stacks("stall off-CPU", "buggy")),
    figure("blocking-worker", "blocking", Shows::Worker("buggy")),
    figure("unordered-sweep-cpu-time", "unordered-sweep", Shows::Growth("cpu-time.svg")),
    figure("unordered-sweep-polls", "unordered-sweep", Shows::Growth("child-polls.svg")),
    figure("unordered-cpu", "unordered", Shows::Stacks("cpu", "buggy")),
    figure(
        "unordered-difference-before",
        "unordered",
        Shows::Difference("cpu", ["buggy", "fixed"], Shape::Before),
    ),
    figure(
        "unordered-difference-after",
        "unordered",
        Shows::Difference("cpu", ["buggy", "fixed"], Shape::After),
    ),
    figure("evidence-cpu", "evidence", Shows::Stacks("cpu", "buggy")),
    figure("evidence-spans", "evidence", Shows::Stacks("spans", "buggy")),
    figure("blocking-spans", "evidence-blocking", Shows::Stacks("spans", "buggy")),
    figure(
        "unordered-loads-difference",
        "unordered-loads",
        Shows::Difference("cpu", ["buggy", "buggy"], Shape::After),
    ),
    figure("leak-memory", "leak", Shows::Memory(&["buggy", "fixed"])),
    figure("leak-growth", "leak", Shows::Stacks("alloc growth", "buggy")),
    figure("leak-live", "leak", Shows::Stacks("alloc live", "buggy")),
    figure("await-over-time", "await", Shows::OverTime(&["buggy", "fixed", "longer-patience"])),
    figure("await-awaits", "await", Shows::Stacks("awaits", "buggy")),
];

impl Figure {
    /// The picture.
    ///
    /// # Errors
    /// If the recording does not hold what it shows.
    pub fn draw(&self, recordings: &mut Recordings<'_>) -> anyhow::Result<String> {
        let results = recordings.get(self.recording)?;
        let svg = match &self.shows {
            Shows::Distribution(variants) => responses(results, variants, 0)?,
            Shows::OverTime(variants) => responses(results, variants, 1)?,
            Shows::Worker(variant) => worker(results, variant)?,
            Shows::Stacks(view, variant) => stacks(results, view, variant)?,
            Shows::Difference(view, sides, shape) => difference(results, view, *sides, *shape)?,
            Shows::Growth(file) => growth(results, file)?,
            Shows::Memory(variants) => memory(results, variants)?,
        };
        Ok(svg.trim_end().to_owned() + "\n")
    }
}

/// The results with the runs and profiles of these variants alone, in this order.
fn only(results: &Results, variants: &[&str]) -> Results {
    let mut chosen = results.clone();
    let place = |name: &str| variants.iter().position(|wanted| *wanted == name);
    chosen.runs.retain(|(run, _)| place(&run.recording.spec.variant).is_some());
    chosen.runs.sort_by_key(|(run, _)| place(&run.recording.spec.variant));
    chosen.profiles.retain(|profile| place(&profile.spec.variant).is_some());
    chosen.profiles.sort_by_key(|profile| place(&profile.spec.variant));
    chosen
}

/// One of the two pictures of responses.
fn responses(results: &Results, variants: &[&str], which: usize) -> anyhow::Result<String> {
    let mut plots = latency::of_variants(&only(results, variants)).into_iter();
    let (_, plot) = plots.nth(which).context("no responses were measured")?;
    Ok(with_legend(&plot, Guides::None))
}

fn growth(results: &Results, file: &str) -> anyhow::Result<String> {
    let sweep = results.sweep.as_ref().context("this is no sweep")?;
    let plots = sweep::figures(sweep, &results.spec);
    let found = plots.into_iter().find(|(name, _)| *name == file);
    let (_, plot) = found.with_context(|| format!("a sweep has no picture {file}"))?;
    Ok(with_legend(&plot, Guides::Growth))
}

fn memory(results: &Results, variants: &[&str]) -> anyhow::Result<String> {
    let plot = moments::memory(&only(results, variants));
    Ok(with_legend(&plot.context("no memory was measured over time")?, Guides::None))
}

/// A chart and its legend in one picture. On a page of its own a script shows lines that are hidden
/// at first; here all are shown.
fn with_legend(plot: &Plot, guides: Guides) -> String {
    let Chart { title, svg, legend, .. } = chart(plot, guides);
    let named_at_ends = guides == Guides::Growth;
    let rows = if named_at_ends { 0 } else { legend.len() };
    let (width, height) = (CHART.0, CHART.1 + LEGEND_ROW * rows + 8 * usize::from(rows > 0));
    let inner = svg.replacen(
        "<svg class=\"chart\"",
        &format!("<svg width=\"{}\" height=\"{}\"", CHART.0, CHART.1),
        1,
    );
    let mut whole = format!(
        "<svg class=\"lab chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{}\">{inner}",
        escaped(&title).replace('"', "&quot;")
    );
    for (row, key) in legend.iter().take(rows).enumerate() {
        let y = CHART.1 + LEGEND_ROW * row + LEGEND_ROW / 2;
        // Writing to a String cannot fail.
        let _ = write!(
            whole,
            "<path class=\"line {}\" d=\"M{LEGEND_LEFT} {y}h28\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            key.class,
            LEGEND_LEFT + 38,
            y + 5,
            escaped(&key.name)
        );
    }
    whole.replace(" off\"", "\"") + "</svg>"
}

fn worker(results: &Results, variant: &str) -> anyhow::Result<String> {
    let chosen = only(results, &[variant]);
    let runs = sched::runs(&chosen);
    let run = runs.first().context("no run under the scheduler profiler")?;
    let drawn = timeline::draw(run, &Palette::new(&runs), SEGMENTS, Style::new(false));
    let (svg, _) = drawn.context("no part of the run was kept")?;
    let (from, to) = ("<svg class=\"sched timeline-of-run\"", "<svg class=\"lab sched\"");
    Ok(without_size(&svg.replacen(from, to, 1)))
}

/// Without its width and height, so that the page decides how large it is.
fn without_size(svg: &str) -> String {
    let Some((head, rest)) = svg.split_once('>') else { return svg.to_owned() };
    let kept = head.split(" width=").next().unwrap_or(head);
    format!("{kept} role=\"img\">{rest}")
}

fn evidence(results: &Results, view: &str) -> anyhow::Result<Evidence> {
    let found = results.evidence(Plumbing::Tokio).into_iter().find(|one| one.name == view);
    found.with_context(|| format!("there is no view '{view}'"))
}

fn stacks(results: &Results, view: &str, variant: &str) -> anyhow::Result<String> {
    let evidence = evidence(results, view)?;
    let seen = evidence.seen.iter().find(|seen| seen.label == variant);
    let seen = seen.with_context(|| format!("{view} has no run of {variant}"))?;
    let title = format!("{}, {view}: {variant}", results.spec.scenario);
    Ok(drawn(&icicle(&evidence.side(seen), evidence.own_crate, &title)?, OWNERS))
}

/// The difference of two runs of one recording, which need not be a comparison.
fn difference(
    results: &Results,
    view: &str,
    [before, after]: [&str; 2],
    shape: Shape,
) -> anyhow::Result<String> {
    let mut evidence = evidence(results, view)?;
    if results.comparison.is_none() {
        let place = |label: &str| [before, after].iter().position(|name| *name == label);
        evidence.seen.retain(|seen| place(&seen.label).is_some());
        evidence.seen.sort_by_key(|seen| place(&seen.label));
    }
    let title = format!("{}, {view}: {before} against {after}", results.spec.scenario);
    let [was, is] = evidence.sides().context("there are no two runs")?;
    let difference = evidence.difference().context("no samples on either side")?;
    let both = [&was, &is];
    Ok(drawn(&icicle_of_difference(both, shape, evidence.own_crate, &difference, &title)?, CHANGES))
}

/// What the colours of one run's frames mean, and those of a difference.
const OWNERS: [(&str, &str); 4] = [
    ("own-code", "the service"),
    ("dependency", "other crates"),
    ("tokio", "tokio"),
    ("std", "std, libc"),
];
const CHANGES: [(&str, &str); 4] =
    [("less3", "far less"), ("less1", "less"), ("same", "the same"), ("more2", "more")];
/// Pixels of the row with the colours.
const KEYS: usize = 30;

/// The picture with its names, because no script writes them, and what its colours mean below it.
fn drawn(icicle: &Icicle, keys: [(&str, &str); 4]) -> String {
    let svg = icicle.svg_of_rows(NARROWEST, true, ROWS);
    let height = svg.split("height=\"").nth(1).and_then(|rest| rest.split('"').next());
    let height: usize = height.and_then(|height| height.parse().ok()).unwrap_or_default();
    let taller = format!("height=\"{}\"", height + KEYS);
    let svg = svg.replacen("<svg class=\"flame\"", "<svg class=\"lab flame\"", 1).replacen(
        &format!("height=\"{height}\""),
        &taller,
        1,
    );
    let mut whole = svg.strip_suffix("</svg>").unwrap_or(&svg).to_owned();
    for (number, (class, word)) in keys.into_iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(
            whole,
            "<svg class=\"{class}\" x=\"{}%\" y=\"{}\" width=\"14\" height=\"12\"><rect/></svg>\
             <svg x=\"{}%\" y=\"{}\" width=\"25%\" height=\"20\">\
             <text class=\"word\" x=\"20\" y=\"14\">{word}</text></svg>",
            25 * number,
            height + 12,
            25 * number,
            height + 9,
        );
    }
    whole + "</svg>"
}
