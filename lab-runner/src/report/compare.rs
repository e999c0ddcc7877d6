//! A comparison on one screen: what was run in which order, and for each metric the factor, its interval and the
//! verdict.

use crate::report::detail::{asked, environment, print_page};
use crate::report::table::{BOLD, DIM};
use crate::report::units::{ascii, reading, three_digits};
use crate::report::{Style, findings, latency, noise, profilers, sched};
use anstyle::{AnsiColor, Style as Colour};
use lab_analysis::claims::control::Kept;
use lab_analysis::comparison::comparison::{Compared, Comparison};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::requests::Reading;
use lab_analysis::results::Results;
use lab_analysis::stats::estimate::Estimate;
use lab_recording::spec::Side;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

/// Prints a comparison.
pub(crate) fn print(
    report: &Results,
    comparison: &Comparison,
    page: Option<&Path>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let Comparison { before, after, .. } = comparison;
    let spec = &report.spec;
    // Two loads of one variant are called by their loads.
    let variant = if *before == spec.variant || *after == spec.variant { "" } else { &spec.variant };
    let scenario = [spec.scenario.as_str(), variant].join(if variant.is_empty() { "" } else { " / " });
    writeln!(to, "{BOLD}{scenario}: {before} against {after}, {} pairs{BOLD:#}\n", comparison.pairs.len())?;
    writeln!(to, "asked      {}", ascii(&asked(spec), style))?;
    writeln!(to, "on         {}", ascii(&environment(spec), style))?;
    writeln!(to, "order      {}", order(comparison))?;
    writeln!(to, "noise      {}", ascii(&noise::line(report, comparison), style))?;
    print_warnings(comparison, style, to)?;
    print_dropped(comparison, style, to)?;
    print_notes(report, style, to)?;
    print_metrics(comparison, style, to)?;
    print_work(comparison, style, to)?;
    print_kept(report, style, to)?;
    print_conclusion(comparison, style, to)?;
    profilers::print(report, style, to)?;
    sched::print(report, style, to)?;
    findings::print(report, style, to)?;
    writeln!(to, "\nrecording  {}", report.folder.display())?;
    print_pictures(report, to)?;
    print_page(page, to)?;
    print_repeat(report, style, to)
}

fn print_warnings(comparison: &Comparison, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let loud = AnsiColor::Yellow.on_default().bold();
    let mut warnings = comparison.warnings.iter();
    warnings.try_for_each(|warning| writeln!(to, "{loud}warning{loud:#}    {}", ascii(warning, style)))
}

/// What the runs say of themselves that most of them say: one that is spoiled takes its pair along and is told there.
fn print_notes(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let all = || report.runs.iter().flat_map(|(run, _)| &run.notes);
    let said_by = |note: &str| all().filter(|other| *other == note).count();
    let common: BTreeSet<&String> = all().filter(|note| 2 * said_by(note) > report.runs.len()).collect();
    common.iter().try_for_each(|note| {
        writeln!(to, "note       {} ({} of {} runs)", ascii(note, style), said_by(note), report.runs.len())
    })
}

/// What the side after keeps of what tells a fix from a trap: a fix may gain by the metric that decides and mend
/// nothing.
fn print_kept(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for kept in &report.kept {
        let (word, times, pairs) = keeps(kept);
        let colour = match word {
            "keeps" => AnsiColor::Green,
            "breaks" => AnsiColor::Red,
            _ => AnsiColor::Yellow,
        };
        let colour = colour.on_default();
        writeln!(to, " {colour}{word:<9}{colour:#} {} ({times} of {pairs} pairs)", ascii(kept.claim.says, style))?;
    }
    Ok(())
}

/// Whether it is kept, in how many of how many pairs. One pair that breaks it is enough: a fix keeps it always.
pub(crate) fn keeps(kept: &Kept) -> (&'static str, usize, usize) {
    let Kept { held, broken, unclear, .. } = *kept;
    let (word, times) = match (broken, held) {
        (0, 0) => ("unclear", unclear),
        (0, _) => ("keeps", held),
        _ => ("breaks", broken),
    };
    (word, times, held + broken + unclear)
}

fn print_repeat(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    repeat(report).map_or(Ok(()), |command| writeln!(to, "repeat     {}", ascii(&command, style)))
}

/// The command line that gave this, with the seed that it took when none was named.
pub(crate) fn repeat(report: &Results) -> Option<String> {
    let command = &report.spec.command;
    let first = report.comparison.as_ref().and_then(|comparison| comparison.pairs.first());
    let is_over = |of: &Comparison| !of.warnings.is_empty();
    let seed_is_told = command.contains("--seed") || report.comparison.as_ref().is_some_and(is_over);
    let seed = first.filter(|_| !seed_is_told).map(|pair| format!(" --seed {}", pair.seed));
    (!command.is_empty()).then(|| format!("lab {command}{}", seed.unwrap_or_default()))
}

/// Where the pictures are, if they were drawn: reading a recording draws none.
fn print_pictures(report: &Results, to: &mut dyn Write) -> io::Result<()> {
    let drawn = latency::FILES.into_iter().filter(|file| report.folder.join(file).is_file());
    match drawn.collect::<Vec<_>>()[..] {
        [] => Ok(()),
        ref files => writeln!(to, "pictures   {}", report.folder.join(files.join(", ")).display()),
    }
}

/// Which side of each pair ran first, and the seeds.
pub(crate) fn order(comparison: &Comparison) -> String {
    let pairs = comparison.pairs.iter();
    let order: Vec<&str> = pairs.map(|pair| if pair.first == Side::A { "AB" } else { "BA" }).collect();
    let seed = |pair: Option<&lab_analysis::comparison::comparison::Pair>| pair.map_or(0, |pair| pair.seed);
    let (first, last) = (seed(comparison.pairs.first()), seed(comparison.pairs.last()));
    format!("{} with A = {}; seeds {first} to {last}", order.join(" "), comparison.before)
}

fn print_dropped(comparison: &Comparison, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let dropped = comparison.pairs.iter().filter_map(|pair| Some((pair.number, pair.dropped.as_ref()?)));
    for (number, why) in dropped {
        writeln!(to, "dropped    pair {number}: {}", ascii(why, style))?;
    }
    Ok(())
}

fn print_metrics(comparison: &Comparison, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let Comparison { before, after, .. } = comparison;
    let heads = format!("{:<22}{before:>14}{after:>14}{:>10}   {:<25} ", "", "factor", "interval");
    writeln!(to, "\n{DIM}{heads}verdict       sees{DIM:#}")?;
    comparison.metrics.iter().try_for_each(|metric| print_metric(metric, style, to))?;
    let halved: Vec<&str> =
        comparison.metrics.iter().filter(|metric| metric.halved).map(|metric| metric.metric.as_str()).collect();
    match &halved[..] {
        [] => Ok(()),
        halved => {
            writeln!(to, "{DIM} compared with a half added, for none is a result too: {}{DIM:#}", halved.join(", "))
        }
    }
}

fn print_metric(metric: &Compared, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let star = if metric.primary { "*" } else { " " };
    let value = |side: &Reading| reading(&metric.metric, side, style);
    write!(to, "{star}{:<21}{:>14}{:>14}", metric.metric, value(&metric.before), value(&metric.after))?;
    match &metric.estimate {
        Ok(estimate) if !metric.judged => {
            let factor = three_digits(estimate.ratio);
            writeln!(to, "{DIM}{factor:>10}   not judged: more pairs would be needed{DIM:#}")
        }
        Ok(estimate) => {
            let interval = interval(estimate);
            let colour = colour(metric.change);
            let sees = metric.detectable.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0));
            let doubt = if metric.disagrees { " (t differs)" } else { "" };
            let factor = three_digits(estimate.ratio);
            writeln!(to, "{factor:>10}   {interval:<25} {colour}{:<12}{colour:#}{doubt}  {sees}", metric.change)
        }
        Err(why) => writeln!(to, "{DIM}             {}{DIM:#}", ascii(why, style)),
    }
}

/// `0.9 to 1.1, 95.0 %`
pub(crate) fn interval(estimate: &Estimate) -> String {
    let high = if estimate.high.is_finite() { three_digits(estimate.high) } else { "?".into() };
    format!("{} to {high}, {:.1} %", three_digits(estimate.low), estimate.level * 100.0)
}

/// How the runs ended, where not all of them did by themselves, and what they lost.
fn print_work(comparison: &Comparison, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let sides = [&comparison.before, &comparison.after].into_iter().zip(&comparison.endings).zip(comparison.lost);
    for ((name, endings), lost) in sides {
        let endings: Vec<String> = endings.iter().map(|(ending, n)| format!("{ending} {n} times")).collect();
        if endings.iter().any(|ending| !ending.starts_with("finished")) || comparison.lost != [0.0, 0.0] {
            let text = format!(" {name}: {}, {lost:.0} requests lost", endings.join(", "));
            writeln!(to, "{}", ascii(&text, style))?;
        }
    }
    Ok(())
}

fn colour(change: Change) -> Colour {
    match change {
        Change::Improved => AnsiColor::Green.on_default(),
        Change::Regressed => AnsiColor::Red.on_default().bold(),
        Change::Equivalent => Colour::new(),
        Change::Inconclusive => AnsiColor::Yellow.on_default(),
    }
}

fn print_conclusion(comparison: &Comparison, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let change = comparison.change();
    let colour = colour(change);
    let has_primary = comparison.metrics.iter().any(|metric| metric.primary);
    match &comparison.invalid {
        Some(why) => writeln!(to, "\n{colour}invalid{colour:#}    {}", ascii(why, style)),
        None if comparison.loses_more() => writeln!(
            to,
            "\n{colour}{change}{colour:#}   {} loses requests that {} answers, whatever else it gains",
            comparison.after, comparison.before
        ),
        None if !has_primary => writeln!(
            to,
            "\n{colour}inconclusive{colour:#}   the metric that decides was not measured on both sides: try a longer --duration"
        ),
        None => writeln!(
            to,
            "\n{colour}{change}{colour:#}   by the metric with a star, from {} of {} pairs; a verdict needs the whole interval",
            comparison.kept(),
            comparison.pairs.len()
        ),
    }
}
