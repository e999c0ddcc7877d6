//! Scheduler statistics in a few lines: waiting by culprit, poll time and schedule latency, the
//! time of workers, and the yield probe.

mod both;
pub(crate) mod histogram;
pub(crate) mod json;
pub(crate) mod palette;
pub(crate) mod timeline;
pub(crate) mod words;

use crate::report::Style;
use crate::report::table::DIM;
use crate::report::units::ascii;
use lab_analysis::results::Results;
use std::io::{self, Write};
use words::Run;

/// The runs under the scheduler profiler, side A first.
pub(crate) fn runs(report: &Results) -> Vec<Run<'_>> {
    words::runs(report)
}

/// What is blamed, in sentences: for two sides of a comparison together, else for each run.
pub(crate) fn sentences(report: &Results, runs: &[Run<'_>], style: Style) -> Vec<String> {
    match runs {
        [one] => one.blames(style),
        [before, after] if report.comparison.is_some() => both::blames(before, after, style),
        several => several.iter().map(|run| run.named(&run.blames(style)[0])).collect(),
    }
}

/// Prints the statistics; nothing without the scheduler profiler.
pub(crate) fn print(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let runs = runs(report);
    let mut lines = named("blame", sentences(report, &runs, style));
    lines.extend(named("poll time", of_each(&runs, |run| run.poll_times(style))));
    lines.extend(named("latency", of_each(&runs, |run| run.latencies(style))));
    lines.extend(named("polls", of_each(&runs, |run| run.counts())));
    lines.extend(named("workers", of_each(&runs, |run| run.workers(style))));
    lines.extend(named("yield probe", of_each(&runs, |run| run.probe(style))));
    lines.extend(named("missing", of_each(&runs, |run| run.missing())));
    lines.extend(named("note", notes(&runs)));
    print_lines(&lines, style, to)
}

/// Prints a line for each of many runs.
pub(crate) fn print_which(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let first = |run: &Run<'_>| (run.label.clone(), run.blames(style).swap_remove(0));
    print_lines(&runs(report).iter().map(first).collect::<Vec<_>>(), style, to)
}

fn print_lines(lines: &[(String, String)], style: Style, to: &mut dyn Write) -> io::Result<()> {
    if !lines.is_empty() {
        writeln!(to)?;
    }
    for (number, (name, text)) in lines.iter().enumerate() {
        let head = if number == 0 { "scheduler" } else { "" };
        let name = if name.is_empty() { String::new() } else { format!("{name} ") };
        writeln!(
            to,
            "{head:<10} {DIM}{:<14}{DIM:#} {}",
            ascii(name.trim_end(), style),
            ascii(text, style)
        )?;
    }
    Ok(())
}

/// Conditions that limit the conclusion, once where runs agree.
fn notes(runs: &[Run<'_>]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for note in runs.iter().flat_map(|run| &run.sched.notes) {
        if !all.contains(note) {
            all.push(note.clone());
        }
    }
    all
}

/// A sentence of each run that has something to say, with its name where there are several.
fn of_each(runs: &[Run<'_>], sentence: impl Fn(&Run<'_>) -> Option<String>) -> Vec<String> {
    let one = |run: &Run<'_>| {
        sentence(run).map(|text| if runs.len() > 1 { run.named(&text) } else { text })
    };
    runs.iter().filter_map(one).collect()
}

/// Lines under one name.
fn named(name: &str, texts: Vec<String>) -> Vec<(String, String)> {
    let first = |number| if number == 0 { name.to_owned() } else { String::new() };
    texts.into_iter().enumerate().map(|(number, text)| (first(number), text)).collect()
}

#[cfg(test)]
pub(crate) mod tests;
