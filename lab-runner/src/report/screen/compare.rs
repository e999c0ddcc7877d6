//! The screen of a comparison.

use crate::report::compare::{keeps, order, repeat, spoiled};
use crate::report::screen::finding::headline;
use crate::report::screen::health::Word;
use crate::report::screen::run::profiled;
use crate::report::screen::{Line, View, latency, load, metrics};
use crate::report::table::{BOLD, DIM};
use crate::report::units::{percent, time};
use crate::report::{noise, sched};
use lab_analysis::comparison::paired::{Compared, Comparison, Directions, Times};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::diagnosis::fix_outcome::{FixOutcome, Gone};
use lab_analysis::requests::{Analysis, QUANTILES};
use lab_analysis::results::Results;
use lab_analysis::results::diagnosed::fix;
use lab_analysis::stats::median;
use lab_recording::spec::Side;
use std::collections::BTreeSet;

/// Rows of the table that one screen has room for.
const ROWS: usize = 7;

/// The screen.
pub(crate) fn lines(view: &View<'_>, comparison: &Comparison) -> Vec<Line> {
    let results = view.results;
    let mut lines = vec![head(results, comparison)];
    lines.extend(comparison.warnings.iter().map(|warning| Line::labelled("warning", warning)));
    lines.push(Line::blank());
    lines.extend(conclusion(view, comparison));
    lines.push(Line::blank());
    lines.extend(table(view, comparison));
    lines.push(Line::blank());
    lines.extend(naive(view));
    lines.extend(kept(view));
    if view.is_verbose() {
        lines.extend(details(view, comparison));
    }
    lines.push(view.rest());
    lines.extend(
        repeat(results)
            .map(|command| Line::labelled("repeat", &command.replacen("lab", view.lab, 1))),
    );
    lines.extend(next(view, comparison));
    lines
}

/// `greedy: buggy → fixed: FIXED response p99 is 93 times shorter (85 to 112 times, 95 %
/// confidence)`
pub(crate) fn summary(view: &View<'_>, comparison: &Comparison) -> Line {
    let (word, sentence) = verdict(view.results, comparison);
    let (colour, text) = (word.colour(), word.text());
    Line::plain(format!("{}: {colour}{text}{colour:#} {sentence}", sides(view.results, comparison)))
}

/// `greedy: buggy → fixed`; two loads of one variant are called by their loads.
fn sides(results: &Results, comparison: &Comparison) -> String {
    let Comparison { before, after, .. } = comparison;
    let spec = &results.spec;
    let is_variant = *before == spec.variant || *after == spec.variant;
    let variant = if is_variant { String::new() } else { format!(", variant {}", spec.variant) };
    format!("{}{variant}: {before} → {after}", spec.scenario)
}

fn head(results: &Results, comparison: &Comparison) -> Line {
    let took: f64 =
        results.runs.iter().filter_map(|(run, _)| run.recording.outcome.process_ms).sum();
    let pairs = if comparison.pairs.len() == 1 { "pair" } else { "pairs" };
    let facts = format!(
        "{} {pairs} in {:.0} s{}",
        comparison.pairs.len(),
        took / 1e3,
        spoiled_pairs(comparison)
    );
    let name = sides(results, comparison);
    let hang = name.chars().count() + 3;
    Line::hanging(format!("{BOLD}{name}{BOLD:#}   {facts}"), hang.min(40))
}

/// `; 1 replaced: other processes (cargo) used 13 % of a core beside fixed`
fn spoiled_pairs(comparison: &Comparison) -> String {
    let pairs = &comparison.pairs;
    let count = |times: fn(&Times) -> bool| {
        pairs.iter().filter(|pair| pair.dropped.is_none() && times(&pair.times)).count()
    };
    let dropped = pairs.len() - comparison.kept();
    let left_out = count(|times| *times == Times::LeftOut);
    let bounded = count(|times| matches!(times, Times::Bounded(_)));
    let replaced = if comparison.invalid.is_some() { "left out" } else { "replaced" };
    let parts = [(dropped, "dropped"), (left_out, replaced), (bounded, "disturbed")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let why = pairs.iter().find_map(|pair| pair.dropped.as_ref());
    let why = why.or_else(|| pairs.iter().find_map(|pair| pair.disturbed.as_ref()));
    why.map_or_else(String::new, |why| format!("; {}: {why}", parts.join(", ")))
}

/// The word for the whole and the metric that decides.
fn verdict(results: &Results, comparison: &Comparison) -> (Word, String) {
    let primary = comparison.metrics.iter().find(|metric| metric.primary);
    let changed = primary.map_or_else(String::new, changed);
    if let Some(why) = &comparison.invalid {
        return (Word::Undecided, why.clone());
    }
    if comparison.loses_more() {
        let [was, is] = comparison.lost;
        return (
            Word::Worse,
            format!(
                "{} loses {is:.0} requests, {} loses {was:.0}",
                comparison.after, comparison.before
            ),
        );
    }
    if primary.is_none() {
        return (
            Word::Undecided,
            "the metric that decides was not measured on both sides: try a longer --duration"
                .into(),
        );
    }
    let gone = fix(results).is_some_and(|fix| fix.gone == Gone::Yes);
    match comparison.change() {
        Change::Improved if gone => (Word::Fixed, changed),
        Change::Improved => (Word::Better, changed),
        Change::Regressed => (Word::Worse, changed),
        Change::Equivalent => (Word::Same, changed),
        Change::Inconclusive => (Word::Undecided, format!("{changed}: more pairs may decide it")),
    }
}

/// `response p99 is 93 times shorter (85 to 112 times, 95 % confidence)`
fn changed(metric: &Compared) -> String {
    let name = metrics::name(&metric.metric);
    match &metric.estimate {
        Ok(estimate) => {
            let change = metrics::change(&metric.metric, estimate.ratio);
            let interval = metrics::interval(estimate.ratio, estimate.low, estimate.high);
            format!("{name} is {change} ({interval}, {:.0} % confidence)", estimate.level * 100.0)
        }
        Err(why) => format!("{name} cannot be compared: {why}"),
    }
}

fn conclusion(view: &View<'_>, comparison: &Comparison) -> Vec<Line> {
    let (word, sentence) = verdict(view.results, comparison);
    let first = headline(word, &sentence);
    let hang = word.text().len() + 2;
    let cause = fix(view.results).and_then(|outcome| cause(&outcome));
    let lines = cause
        .into_iter()
        .chain(waiting(view))
        .map(|text| Line::hanging(format!("{:hang$}{text}", ""), hang));
    std::iter::once(first).chain(lines).collect()
}

/// What became of the cause that was named before; nothing if none was.
fn cause(outcome: &FixOutcome) -> Option<String> {
    let at = outcome.function.as_ref().map_or_else(String::new, |at| format!(" in {at}"));
    let named = format!("{}{at}", outcome.cause?);
    let moved = match &outcome.moved_to[..] {
        [] => "nothing took its place".to_owned(),
        to => format!("in its place: {}", to.join(", ")),
    };
    Some(match outcome.gone {
        Gone::Yes => format!("The cause is gone ({named}), and {moved}."),
        Gone::No => format!("The cause is still there: {named}."),
        Gone::Undecided => {
            format!("Whether the cause is gone ({named}) is undecided: {}.", outcome.reason)
        }
    })
}

/// What an operation waited on both sides, in the runs whose scheduler was recorded.
fn waiting(view: &View<'_>) -> Option<String> {
    let runs = sched::runs(view.results);
    let [before, after] = &runs[..] else { return None };
    let waited = |run: &sched::words::Run<'_>| {
        run.profile.ops?;
        Some(time(run.per_op_ms(run.sched.blame.as_ref()?.waited_ms) * 1e3, view.style))
    };
    Some(format!("A {} waits {} on average, before {}.", after.op, waited(after)?, waited(before)?))
}

fn table(view: &View<'_>, comparison: &Comparison) -> Vec<Line> {
    let Comparison { before, after, metrics, .. } = comparison;
    let mut rows: Vec<&Compared> = metrics.iter().collect();
    rows.sort_by_key(|metric| (!metric.primary, !metric.judged));
    let shown = if view.is_verbose() { rows.len() } else { ROWS.min(rows.len()) };
    let sides = [before, after].map(|name| format!("{:>12}", short(name)));
    let mut lines =
        vec![Line::plain(format!("{DIM}  {:<16}{}   change{DIM:#}", "", sides.concat()))];
    lines.extend(rows[..shown].iter().map(|metric| row(view, metric)));
    let left = rows.len() - shown;
    let more =
        if left > 0 { format!(" {left} more: {} report -v", view.lab) } else { String::new() };
    lines.push(Line::plain(format!("{DIM}  * decides.{more}{DIM:#}")));
    lines
}

/// A name in a column.
fn short(name: &str) -> String {
    match name.chars().count() {
        0..=11 => name.to_owned(),
        _ => name.chars().take(10).chain(['…']).collect(),
    }
}

fn row(view: &View<'_>, metric: &Compared) -> Line {
    let star = if metric.primary { "*" } else { "" };
    let name = format!("{} {star}", metrics::name(&metric.metric));
    let value = |reading| format!("{:>12}", metrics::value(&metric.metric, reading, view.style));
    let values = [&metric.before, &metric.after].map(value).concat();
    Line::hanging(format!("  {name:<16}{values}   {}", outcome(view, metric)), 45)
}

/// `93 times shorter (85 to 112 times)`, in the colour of its verdict.
fn outcome(view: &View<'_>, metric: &Compared) -> String {
    let estimate = match &metric.estimate {
        Ok(estimate) => estimate,
        Err(why) if view.is_verbose() => return format!("{DIM}{why}{DIM:#}"),
        Err(_) => return format!("{DIM}not compared{DIM:#}"),
    };
    if estimate.low <= 0.0 && estimate.high.is_infinite() {
        return format!("{DIM}too short to measure{DIM:#}");
    }
    let change = metrics::change(&metric.metric, estimate.ratio);
    if !metric.judged {
        return direction(metric, &change);
    }
    let interval = metrics::interval(estimate.ratio, estimate.low, estimate.high);
    let (word, change) = match metric.change {
        Change::Improved => (Some(Word::Fixed), change),
        Change::Regressed => (Some(Word::Worse), change),
        Change::Equivalent => (None, "same".to_owned()),
        Change::Inconclusive => (None, "undecided".to_owned()),
    };
    let detail = match (view.is_verbose(), metric.detectable) {
        (true, Some(share)) => format!("; from {} visible", percent(share)),
        _ => String::new(),
    };
    let colour = word.map_or_else(anstyle::Style::new, Word::colour);
    format!("{colour}{change}{colour:#} ({interval}{detail})")
}

/// A change that there are too few pairs to judge beside the others: how many of them agree on it.
fn direction(metric: &Compared, change: &str) -> String {
    let Directions { lower, higher, of } = metric.directions;
    match lower.max(higher) {
        0 => format!("{DIM}{change}{DIM:#}"),
        agree => format!("{change} in {agree} of {of} pairs"),
    }
}

/// What a closed-loop benchmark would say of both sides, as the median over the runs.
fn naive(view: &View<'_>) -> Option<Line> {
    const TAIL: usize = 2;
    let side = |side: Side| {
        let of_it = |run: &&Analysis| super::side_of(&run.recording.spec) == Some(side);
        let runs = view.results.runs.iter().map(|(run, _)| run).filter(of_it);
        let tails: Vec<f64> = runs.filter_map(|run| run.naive.as_ref()?.us[TAIL]).collect();
        (!tails.is_empty()).then(|| time(median(tails), view.style))
    };
    let (before, after) = (side(Side::A)?, side(Side::B)?);
    let text = format!(
        "A benchmark that waits for each answer would say: {} = {before} → {after}.",
        QUANTILES[TAIL].1
    );
    Some(Line::labelled("response", &text))
}

/// What the side after keeps of what tells a fix from a trap: a fix may gain by the metric that
/// decides and mend nothing.
fn kept(view: &View<'_>) -> Vec<Line> {
    let results = view.results;
    if results.paired_controls.is_empty() {
        return Vec::new();
    }
    let held = results.paired_controls.iter().filter(|kept| keeps(kept).0 == "keeps").count();
    let traps: BTreeSet<&str> = results
        .scenario
        .iter()
        .flat_map(|scenario| scenario.controls)
        .map(|control| control.trap)
        .collect();
    let traps = match traps.len() {
        0 => String::new(),
        1 => " · they distinguish a fix from 1 trap".to_owned(),
        n => format!(" · they distinguish a fix from {n} traps"),
    };
    let mut lines = vec![Line::labelled(
        "checks",
        &format!("{held} of {} hold{traps}", results.paired_controls.len()),
    )];
    for kept in &results.paired_controls {
        let (word, times, pairs) = keeps(kept);
        let word = match word {
            "keeps" if !view.is_verbose() => continue,
            "keeps" => "holds",
            "breaks" => "broken",
            _ => "undecided",
        };
        lines.push(Line::labelled(
            "",
            &format!("{word}: {}: in {times} of {pairs} pairs", kept.claim.says),
        ));
    }
    lines
}

/// Order, noise, every pair that does not count, what runs note, and the profilers.
fn details(view: &View<'_>, comparison: &Comparison) -> Vec<Line> {
    let results = view.results;
    let mut lines = vec![
        Line::labelled("order", &order(comparison)),
        Line::labelled("noise", &noise::line(results, comparison)),
    ];
    lines.extend(
        comparison.pairs.iter().filter_map(spoiled).map(|why| Line::labelled("dropped", &why)),
    );
    let notes: BTreeSet<&String> = results.runs.iter().flat_map(|(run, _)| &run.notes).collect();
    lines.extend(notes.into_iter().map(|note| Line::labelled("note", note)));
    let shown = comparison.metrics.iter().flat_map(|metric| [&metric.before, &metric.after]);
    lines.extend(latency::marks(shown).into_iter().map(|mark| Line::labelled("note", &mark)));
    lines.extend(profiled(view));
    lines.push(Line::blank());
    lines
}

fn next(view: &View<'_>, comparison: &Comparison) -> Vec<Line> {
    let results = view.results;
    let (lab, scenario) = (view.lab, &results.spec.scenario);
    let all = (format!("{lab} list {scenario}"), "all variants".to_owned());
    let undecided = comparison.change() == Change::Inconclusive;
    let first = match results.runs.first().filter(|_| undecided) {
        Some((run, _)) => {
            let pairs = 2 * comparison.pairs.len().max(8);
            let command = format!(
                "{lab} compare {scenario} {} {} --pairs {pairs}",
                comparison.before, comparison.after
            );
            (command, format!("more pairs ({})", load::runs_take(run, 2 * pairs)))
        }
        None => (format!("{lab} run {scenario} --all"), "look for a better fix".to_owned()),
    };
    let width = first.0.len().max(all.0.len());
    let rows = [("next", first), ("", all)];
    rows.iter()
        .map(|(label, (command, what))| {
            Line::labelled(label, &format!("{command:<width$}   {what}"))
        })
        .collect()
}
