//! What the exercise commands print: builders of lines, which print nothing.

use crate::cmd::exercise::judge::{Outcome, Reached};
use crate::cmd::exercise::likeness::resembles;
use crate::cmd::exercise::pack::{Exercise, STARTER};
use crate::report::Style;
use crate::report::detail::{colour, evidence};
use crate::report::findings;
use crate::report::screen::{Line, folded};
use crate::report::table::{BOLD, DIM};
use crate::report::units::{ascii, reading};
use lab_analysis::claims::Verdict;
use lab_analysis::requests::{Analysis, Reading};
use lab_analysis::results::Results;
use lab_recording::Ending;
use std::fs;
use std::path::Path;

/// A verdict and everything that a learner needs to go on from it.
pub(crate) struct VerdictView<'a> {
    pub exercise: &'a Exercise,
    pub variant: &'a str,
    pub outcome: &'a Outcome,
    pub reached: &'a [Reached],
    pub results: &'a Results,
    /// The page of the recording, if it was written.
    pub report: Option<&'a Path>,
    /// Whether causes may be named: not before the learner has named those of a mystery.
    pub names_faults: bool,
    /// Whether only the first run was done, which leaves ratios of times open.
    pub counts_only: bool,
    /// Whether it is shown on a screen with keys, which says itself what comes next.
    pub has_keys: bool,
    /// `cargo lab`.
    pub lab: &'a str,
    pub style: Style,
}

/// The head of an exercise: where the file is, and under which load it runs.
pub(crate) fn head(exercise: &Exercise) -> Vec<Line> {
    let load = &exercise.load;
    let load = match load.is_batch() {
        true => format!("a batch of {} items", load.size),
        false => format!("{} requests/s for {} ms", load.rate, load.duration_ms),
    };
    let workers = exercise.load.workers;
    let plural = if workers == 1 { "" } else { "s" };
    vec![
        Line::hanging(
            format!("{BOLD}{}{BOLD:#}   {}", exercise.slug(), exercise.entry.symptom),
            exercise.slug().len() + 3,
        ),
        Line::plain(format!(
            "{load} · seed {} · {workers} worker{plural} · multi-thread runtime",
            exercise.load.seed
        )),
        Line::plain(heading(exercise)),
        Line::labelled("file", &shown(&exercise.file())),
    ]
}

/// What the exercise is called, its chapter and how long it takes.
fn heading(exercise: &Exercise) -> String {
    let entry = &exercise.entry;
    let chapter = entry.chapter.as_ref().map_or_else(String::new, |c| format!(" · chapter {c}"));
    format!("{}{chapter} · about {} minutes", entry.title, entry.minutes)
}

/// A path as it is printed.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A text in which each of these paths is a link, where stdout is a terminal that shows escapes:
/// OSC 8, which others ignore.
pub(crate) fn linked(text: &str, paths: &[&Path]) -> String {
    if anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never {
        return text.to_owned();
    }
    let mut text = text.to_owned();
    for path in paths {
        let Ok(full) = fs::canonicalize(path) else { continue };
        let shown = shown(path);
        let link = format!("\x1b]8;;file://{}\x1b\\{shown}\x1b]8;;\x1b\\", full.display());
        text = text.replacen(&shown, &link, 1);
    }
    text
}

/// Each goal with its verdict.
pub(crate) fn goals(reached: &[Reached]) -> Vec<Line> {
    let one = |one: &Reached| {
        let (word, tint) = match one.verdict {
            Verdict::Held => ("holds", colour(Verdict::Held)),
            Verdict::Broken => ("missed", colour(Verdict::Broken)),
            Verdict::NotMeasured => ("undecided", colour(Verdict::NotMeasured)),
        };
        let measured = one.shown.as_ref().and_then(evidence);
        let measured = measured.map_or_else(String::new, |text| format!("{DIM}: {text}{DIM:#}"));
        let blanks = " ".repeat(10 - word.len());
        Line::hanging(format!("{tint}{word}{tint:#}{blanks} {}{measured}", one.goal.claim.says), 11)
    };
    reached.iter().map(one).collect()
}

/// The verdict, with the evidence and the next step.
pub(crate) fn verdict(view: &VerdictView<'_>) -> Vec<Line> {
    let slug = view.exercise.slug();
    let (tint, head) = match view.outcome {
        Outcome::Solved if view.counts_only => {
            (colour(Verdict::Held), "NOTHING MISSED SO FAR: the timed runs decide".to_owned())
        }
        Outcome::Solved => (colour(Verdict::Held), "SOLVED".to_owned()),
        Outcome::NotYet(goal) => {
            let goal = &view.reached[*goal];
            (colour(Verdict::Broken), format!("NOT YET: {}", missed(goal)))
        }
        Outcome::Hangs => (colour(Verdict::Broken), "HANGS: the program does not end".to_owned()),
        Outcome::Inconclusive(_) if view.counts_only => (
            colour(Verdict::NotMeasured),
            "NOTHING MISSED SO FAR: the timed runs decide".to_owned(),
        ),
        Outcome::Inconclusive(why) => {
            (colour(Verdict::NotMeasured), format!("INCONCLUSIVE: {why}"))
        }
    };
    let mut lines = vec![Line::hanging(format!("{tint}{head}{tint:#}"), 2)];
    lines.extend(finding(view));
    lines.extend(trap(view));
    lines.extend(before_and_after(view));
    if let Some(page) = view.exercise.page() {
        lines.push(Line::labelled("read", &shown(&page)));
    }
    match view.report {
        Some(report) => {
            let about = "   with the flame graphs";
            lines.push(Line::labelled("report", &format!("{}{about}", shown(report))));
        }
        None => {
            let folder = view.results.folder.display().to_string();
            lines.push(Line::labelled("recording", &folder));
        }
    }
    if view.has_keys && view.names_faults {
        return lines;
    }
    let lab = view.lab;
    lines.push(match view.outcome {
        _ if !view.names_faults => Line::labelled(
            "next",
            &format!("{lab} exercise diagnose {slug}   once you know what is wrong, and where"),
        ),
        Outcome::Solved | Outcome::Inconclusive(_) if view.counts_only => {
            Line::labelled("next", &format!("{lab} exercise check {slug}   with the timed runs"))
        }
        Outcome::Solved => Line::labelled("next", &format!("{lab} exercise   for the next one")),
        Outcome::Inconclusive(_) => {
            Line::labelled("next", &format!("{lab} exercise check {slug}   on a quieter machine"))
        }
        _ => Line::labelled("next", &format!("{lab} exercise hint {slug}   if you are stuck")),
    });
    lines
}

/// A goal that was missed, with the number: `almost no quote waits: 0.98, at most 0.1 meets it`.
fn missed(goal: &Reached) -> String {
    let says = goal.goal.claim.says;
    match goal.shown.as_ref().and_then(evidence) {
        Some(measured) => format!("{says}: {measured}"),
        None => says.to_owned(),
    }
}

/// The first finding on the judged variant; of a hang its explanation, and of a failure its text.
fn finding(view: &VerdictView<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    if *view.outcome == Outcome::Solved && view.counts_only {
        return lines;
    }
    if *view.outcome == Outcome::Solved {
        let (cause, function) = (view.exercise.entry.cause, &view.exercise.entry.function);
        return vec![Line::labelled("mended", &format!("{cause} in {function}"))];
    }
    if !view.names_faults {
        return lines;
    }
    let runs = view.results.runs.iter().map(|(run, _)| &run.recording);
    let failed = runs
        .filter(|recording| recording.spec.variant == view.variant)
        .find(|recording| !matches!(recording.outcome.ending, Ending::Finished | Ending::Hung));
    if let Some(text) = failed.and_then(|recording| recording.outcome.text.as_ref()) {
        lines.push(Line::labelled("ended", text));
    }
    let of_variant = |diagnosed: &&lab_analysis::results::diagnosed::Diagnosed| {
        diagnosed.variant == view.variant
    };
    let Some(diagnosed) = view.results.diagnoses.iter().find(of_variant) else { return lines };
    if let Some(finding) = diagnosed.diagnosis.findings.iter().find(|f| f.cause.accuses()) {
        let place = findings::place(finding).map_or_else(String::new, |at| format!(" in {at}"));
        let cost = findings::cost(&finding.cost);
        let cost = cost.map_or_else(String::new, |cost| format!(": {cost}"));
        lines.push(Line::labelled("finding", &format!("{}{place}{cost}", finding.cause)));
    }
    lines
}

/// The trap that a missed try resembles.
fn trap(view: &VerdictView<'_>) -> Option<Line> {
    if view.exercise.entry.mystery.is_some() {
        return None; // a try at a mystery resembles none: its faults are drawn
    }
    let Outcome::NotYet(goal) = view.outcome else {
        return (*view.outcome == Outcome::Hangs).then(|| trap_of(view, None)).flatten();
    };
    trap_of(view, Some(view.reached[*goal].goal.claim.says))
}

/// The trap among those that miss this goal, or any goal if the program hangs.
fn trap_of(view: &VerdictView<'_>, missed: Option<&str>) -> Option<Line> {
    let read = |variant: &str| fs::read_to_string(view.exercise.source(variant)).ok();
    let traps: Vec<_> = view
        .exercise
        .entry
        .traps
        .iter()
        .filter(|trap| missed.is_none_or(|missed| trap.breaks == missed))
        .collect();
    let sources: Vec<String> =
        traps.iter().map(|trap| read(&trap.name).unwrap_or_default()).collect();
    let likest = resembles(&read(STARTER)?, &read(view.variant)?, &sources)?;
    let trap = traps[likest];
    Some(Line::labelled("resembles", &format!("the trap {}. {}", trap.name, trap.says)))
}

/// Starter and variant side by side, by the metrics of the exercise.
fn before_and_after(view: &VerdictView<'_>) -> Vec<Line> {
    let of = |variant: &str| -> Vec<&Analysis> {
        let runs = view.results.runs.iter().map(|(run, _)| run);
        runs.filter(|run| run.recording.spec.variant == variant).collect()
    };
    let (before, after) = (of(STARTER), of(view.variant));
    if before.is_empty() || after.is_empty() || view.variant == STARTER {
        return Vec::new();
    }
    let columns = view.results.columns;
    let row = |head: &str, runs: &[&Analysis]| {
        let values = columns.iter().map(|column| {
            let value = middle(runs, column.metric);
            value.map_or_else(|| "-".into(), |value| reading(column.metric, &value, view.style))
        });
        let cells = values.map(|value| format!("{value:>14}")).collect::<String>();
        format!("{head:<10}{cells}")
    };
    let heads = columns.iter().map(|column| format!("{:>14}", column.head)).collect::<String>();
    vec![
        Line::blank(),
        Line::plain(format!("{:<10}{heads}", "")),
        Line::plain(row("starter", &before)),
        Line::plain(row("yours", &after)),
        Line::blank(),
    ]
}

/// The reading of the run in the middle, by value.
fn middle(runs: &[&Analysis], metric: &str) -> Option<Reading> {
    let mut values: Vec<Reading> =
        runs.iter().filter_map(|run| run.metrics.get(metric).cloned()).collect();
    values.sort_by(|a, b| a.value.total_cmp(&b.value));
    let half = values.len().saturating_sub(1) / 2;
    values.into_iter().nth(half)
}

/// The labels and values of the judged variant, for a later comparison of tries.
pub(crate) fn shows(results: &Results, variant: &str, style: Style) -> Vec<(String, String)> {
    let runs = results.runs.iter().map(|(run, _)| run);
    let own: Vec<&Analysis> = runs.filter(|run| run.recording.spec.variant == variant).collect();
    let one = |column: &lab_kit::Column| {
        let value = middle(&own, column.metric)?;
        Some((column.head.to_owned(), ascii(&reading(column.metric, &value, style), style)))
    };
    results.columns.iter().filter_map(one).collect()
}

/// The lines as one text.
pub(crate) fn joined(lines: &[Line], style: Style) -> String {
    folded(lines, style).into_iter().map(|line| line + "\n").collect()
}
