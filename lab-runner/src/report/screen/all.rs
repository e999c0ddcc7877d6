//! The screen of several variants beside each other, those of a kind together.

use crate::report::screen::checks::{self, Check};
use crate::report::screen::{Line, View, folded, latency, load, metrics, ratio_of};
use crate::report::table::{BOLD, DIM};
use crate::report::{findings, sched};
use lab_analysis::requests::{Analysis, Reading, ValidityVerdict};
use lab_analysis::results::Results;
use lab_kit::Column;
use lab_recording::{Ending, Kind};

/// Columns of a name and of a value.
const NAME: usize = 19;
const VALUE: usize = 11;
/// Columns of a table on a screen of 80.
const VALUES: usize = 5;
/// Columns of the run at a larger size: its value, and how many times that is of the plain one.
const LARGER: usize = 28;
/// Findings that a screen of many variants has room for.
const FINDINGS: usize = 2;

/// The variants of a kind, as a heading calls them.
const KINDS: [(&str, &[Kind]); 4] = [
    ("faulty", &[Kind::Buggy]),
    ("fixes", &[Kind::Fixed, Kind::Fix]),
    ("tempting, and no fix", &[Kind::Trap]),
    ("look faulty, are healthy", &[Kind::Decoy]),
];

/// The screen, with as many of the findings as fit it.
pub(crate) fn lines(view: &View<'_>) -> Vec<Line> {
    if view.is_verbose() {
        return blocks(view, usize::MAX);
    }
    let fits = |lines: &Vec<Line>| folded(lines, view.style).len() <= view.style.height;
    let fewer = (0..=FINDINGS).rev().map(|findings| blocks(view, findings));
    fewer.reduce(|best, next| if fits(&best) { best } else { next }).unwrap_or_default()
}

fn blocks(view: &View<'_>, findings: usize) -> Vec<Line> {
    let results = view.results;
    let mut lines = vec![head(results), Line::blank()];
    lines.extend(table(view));
    lines.push(Line::blank());
    lines.extend(learned(view, findings));
    let checks = of_all(results);
    lines.extend(checks::lines(view, &checks));
    if view.is_verbose() {
        lines.extend(checks::all(view, &checks));
        lines.extend(reasons(results));
        let runs = sched::runs(results);
        lines.extend(
            runs.iter()
                .map(|run| Line::labelled("waiting", &run.named(&run.blames(view.style)[0]))),
        );
    }
    lines.push(view.rest());
    lines.extend(next(view));
    lines
}

/// `greedy, 11 variants: 56 of 57 hold, 1 undecided`
pub(crate) fn summary(view: &View<'_>) -> Line {
    let results = view.results;
    let (count, counts) = (plain(results).count(), checks::counts(&of_all(results)));
    Line::plain(format!("{}, {count} variants; checks: {counts}", results.spec.scenario))
}

/// The runs at the plain size.
fn plain(results: &Results) -> impl Iterator<Item = &Analysis> + Clone {
    results.runs.iter().map(|(run, _)| run).filter(|run| ratio_of(&run.recording.spec) == 1)
}

fn of_all(results: &Results) -> Vec<Check<'_>> {
    let runs = results.runs.iter();
    runs.flat_map(|(run, claims)| {
        let variant = run.recording.spec.variant.as_str();
        claims.iter().map(move |claim| (Some(variant), claim))
    })
    .collect()
}

fn head(results: &Results) -> Line {
    let count = plain(results).count();
    let took: f64 =
        results.runs.iter().filter_map(|(run, _)| run.recording.outcome.process_ms).sum();
    let name = format!("{}, {count} variants, one run each", results.spec.scenario);
    let load = load::load(&results.spec.load);
    Line::hanging(format!("{BOLD}{name}{BOLD:#}   {load}, {:.0} s", took / 1e3), 4)
}

/// The metric by which a variant is held to itself at a larger size: the one that decides, if the
/// table shows it.
fn deciding(results: &Results) -> Option<&Column> {
    let primary = results.scenario.map(|scenario| scenario.primary);
    results.columns.iter().find(|column| Some(column.metric) == primary).or(results.columns.first())
}

fn larger<'a>(results: &'a Results, run: &Analysis) -> Option<&'a Analysis> {
    let variant = &run.recording.spec.variant;
    let mut all = results.runs.iter().map(|(run, _)| run);
    all.find(|other| {
        other.recording.spec.variant == *variant && ratio_of(&other.recording.spec) > 1
    })
}

fn table(view: &View<'_>) -> Vec<Line> {
    let results = view.results;
    let scaled = plain(results)
        .find_map(|run| larger(results, run))
        .map(|run| ratio_of(&run.recording.spec));
    let room = if scaled.is_some() { VALUES - LARGER / VALUE } else { VALUES };
    let shown =
        if view.is_verbose() { results.columns.len() } else { room.min(results.columns.len()) };
    let columns = &results.columns[..shown];
    let heads: String = columns.iter().map(|column| format!("{:>VALUE$}", column.head)).collect();
    let at = scaled
        .zip(deciding(results))
        .map(|(ratio, column)| format!("   {} at {ratio} × the size", column.head));
    let mut lines =
        vec![Line::plain(format!("{DIM}{:NAME$}{heads}{}{DIM:#}", "", at.unwrap_or_default()))];
    for (name, kinds) in KINDS {
        let rows: Vec<Line> = plain(results)
            .filter(|run| kinds.contains(&run.recording.spec.kind))
            .map(|run| row(view, run, columns))
            .collect();
        if !rows.is_empty() {
            lines.push(Line::plain(format!("{DIM}{name}{DIM:#}")));
            lines.extend(rows);
        }
    }
    lines
}

fn row(view: &View<'_>, run: &Analysis, columns: &[Column]) -> Line {
    let cell = |column: &Column| match run.metrics.get(column.metric) {
        Some(reading) => format!("{:>VALUE$}", metrics::value(column.metric, reading, view.style)),
        None => format!("{:>VALUE$}", "-"),
    };
    let cells: String = columns.iter().map(cell).collect();
    let at_larger = at_larger(view, run).map_or_else(String::new, |text| format!("   {text}"));
    let ending = ending(run).map_or_else(String::new, |text| format!("   {text}"));
    let name = format!("  {}", run.recording.spec.variant);
    Line::hanging(format!("{name:NAME$}{cells}{at_larger}{ending}"), NAME)
}

/// `797 ms, 30 times more`
fn at_larger(view: &View<'_>, run: &Analysis) -> Option<String> {
    let column = deciding(view.results)?;
    let of = |run: &Analysis| run.metrics.get(column.metric).cloned();
    let (plain, larger) = (of(run)?, of(larger(view.results, run)?)?);
    let value = metrics::value(column.metric, &larger, view.style);
    let ratio = larger.value / plain.value;
    Some(if ratio < 2.0 {
        value
    } else {
        format!("{value}, {}", metrics::change(column.metric, ratio))
    })
}

/// How a run ended, where that is not by itself with numbers that can be used.
fn ending(run: &Analysis) -> Option<String> {
    match (run.recording.outcome.ending, run.validity.verdict) {
        (Ending::Finished, ValidityVerdict::Valid) => None,
        (Ending::Finished, ValidityVerdict::Overload) => Some("unanswered".to_owned()),
        (Ending::Finished, ValidityVerdict::Invalid) => Some("load not as planned".to_owned()),
        (ending, _) => Some(ending.to_string()),
    }
}

/// What the signs before values mean, and why runs did not end by themselves or cannot be used.
fn reasons(results: &Results) -> Vec<Line> {
    let shown = results.runs.iter().flat_map(|(run, _)| {
        results.columns.iter().filter_map(|column| run.metrics.get(column.metric))
    });
    let marks = latency::marks(shown).into_iter().map(|mark| Line::labelled("note", &mark));
    let reason = |(run, _): &(Analysis, _)| {
        let outcome = &run.recording.outcome;
        let text = outcome
            .text
            .iter()
            .filter(|_| outcome.ending != Ending::Finished)
            .chain(&run.validity.reasons);
        let text = text.flat_map(|text| text.lines().next()).next()?;
        Some(Line::labelled("note", &format!("{}: {text}", run.recording.spec.variant)))
    };
    marks.chain(results.runs.iter().filter_map(reason)).collect()
}

/// The best fix by the metric that decides, and the faults that were found.
fn learned(view: &View<'_>, most: usize) -> Vec<Line> {
    let results = view.results;
    let mut lines = Vec::new();
    if let Some((fix, text)) = best_fix(results) {
        lines.push(Line::labelled("learned", &format!("{fix}: {text}")));
    }
    let found = results.diagnoses.iter().filter_map(|of| {
        let finding = of.diagnosis.findings.first()?;
        let at = findings::place(finding).map_or_else(String::new, |place| format!(" in {place}"));
        Some(Line::labelled("found", &format!("{}: {}{at}", of.label, finding.cause)))
    });
    lines.extend(found.take(most));
    lines
}

/// The fix that is furthest from the faulty variant, where lower is better, and by how much; at the
/// larger size where both were run at it, for a fix that fails there is none.
fn best_fix(results: &Results) -> Option<(String, String)> {
    let column = deciding(results)?;
    let reading = |run: &Analysis| -> Option<Reading> {
        let usable = run.validity.verdict != ValidityVerdict::Invalid
            && run.recording.outcome.ending == Ending::Finished;
        run.metrics.get(column.metric).filter(|reading| usable && reading.value > 0.0).cloned()
    };
    let kind = |run: &Analysis, kinds: &[Kind]| kinds.contains(&run.recording.spec.kind);
    let buggy = plain(results).find(|run| kind(run, &[Kind::Buggy]))?;
    let faulty = reading(buggy)?;
    let fixes = plain(results).filter(|run| kind(run, &[Kind::Fixed, Kind::Fix]));
    let best = fixes
        .filter_map(|run| Some((run, reading(run)?)))
        .min_by(|a, b| a.1.value.total_cmp(&b.1.value))
        .filter(|(_, best)| best.value < faulty.value)?;
    let change = metrics::change(column.metric, best.1.value / faulty.value);
    let text = format!(
        "{} is {change} than in {}",
        metrics::name(column.metric),
        buggy.recording.spec.variant
    );
    Some((best.0.recording.spec.variant.clone(), text))
}

fn next(view: &View<'_>) -> Vec<Line> {
    let scenario = &view.results.spec.scenario;
    let best = best_fix(view.results).map(|(fix, _)| fix);
    let buggy = plain(view.results).find(|run| run.recording.spec.kind == Kind::Buggy);
    let sides = buggy
        .zip(best)
        .map_or_else(String::new, |(run, fix)| format!(" {} {fix}", run.recording.spec.variant));
    let takes =
        buggy.map_or_else(String::new, |run| format!("   8 pairs ({})", load::runs_take(run, 16)));
    vec![Line::labelled("next", &format!("{} compare {scenario}{sides}{takes}", view.lab))]
}
