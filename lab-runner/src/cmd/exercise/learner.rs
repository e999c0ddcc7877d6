//! What a learner does beside checking: `list`, `hint`, `diff`, `solution`, `reset`, and `lab
//! exercise` alone.

use crate::cli::exercise::{DiffArgs, SlugArgs, SolutionArgs};
use crate::cmd::exercise::check::print;
use crate::cmd::exercise::mystery;
use crate::cmd::exercise::pack::{Exercise, Pack, SOLUTION, STARTER};
use crate::cmd::exercise::progress::{self, Progress};
use crate::cmd::exercise::text;
use crate::cmd::exercise::tries::{self, Try};
use crate::cmd::page;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use crate::report::screen::{Line, invoked};
use crate::report::table::{BOLD, DIM};
use anyhow::Context;
use lab_analysis::results::Results;
use lab_recording::file;
use similar::TextDiff;
use std::fs;

/// `lab exercise list`: every exercise with what was done.
pub(crate) fn list(pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    print(&listed(pack), style, &[])?;
    Ok(Exit::Done)
}

/// A line for each exercise.
pub(crate) fn listed(pack: &Pack) -> Vec<Line> {
    let progress = Progress::read(pack);
    let solved = pack.exercises.iter().filter(|one| progress.is_solved(one.slug())).count();
    let width = pack.exercises.iter().map(|one| one.slug().len()).max().unwrap_or(0);
    let current = progress.current(pack).map(Exercise::slug);
    let mut lines = Vec::new();
    for exercise in &pack.exercises {
        let slug = exercise.slug();
        let mark = match (progress.is_solved(slug), Some(slug) == current) {
            (true, _) => "solved",
            (false, true) => "next",
            _ => "",
        };
        let tries = match progress.tries(slug) {
            0 => String::new(),
            1 => "1 try".into(),
            n => format!("{n} tries"),
        };
        let minutes = exercise.entry.minutes;
        lines.push(Line::hanging(
            format!(
                "{mark:<7} {slug:<width$}  {minutes:>3} min  {tries:<8} {}",
                exercise.entry.symptom
            ),
            width + 27,
        ));
    }
    lines.push(Line::blank());
    lines.push(Line::plain(format!("{solved} of {} solved", pack.exercises.len())));
    lines
}

/// `lab exercise` without a terminal: where the learner is, and the next step.
pub(crate) fn here(pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let progress = Progress::read(pack);
    let lab = invoked();
    let mut lines = Vec::new();
    let begun = pack.exercises.iter().any(|one| progress.tries(one.slug()) > 0);
    if !begun {
        lines.push(Line::plain(pack.welcome.trim()));
        lines.push(Line::blank());
    }
    let Some(exercise) = progress.current(pack) else {
        lines.push(Line::plain("every exercise is solved"));
        print(&lines, style, &[])?;
        return Ok(Exit::Done);
    };
    let slug = exercise.slug();
    lines.extend(text::head(exercise));
    if let Some(page) = exercise.page() {
        lines.push(Line::labelled("page", &page.display().to_string()));
    }
    let tries = progress.tries(slug);
    let next = match (&exercise.entry.predict, progress.predicted(slug), tries) {
        (Some(_), None, 0) => format!("{lab} exercise predict {slug}"),
        _ => format!("{lab} exercise check {slug}"),
    };
    lines.push(Line::labelled("next", &next));
    lines.push(Line::labelled("or", &format!("{lab} exercise watch   check whenever it is saved")));
    print(&lines, style, &[&exercise.file()])?;
    Ok(Exit::Done)
}

/// `lab exercise hint`: the next of four hints, one for each measured try.
pub(crate) fn hint(args: &SlugArgs, pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let exercise = super::chosen(pack, args.slug.as_deref())?;
    let lines = next_hint(pack, exercise)?;
    print(&lines, style, &[])?;
    Ok(Exit::Done)
}

/// The hints that are open, with the next one if a measured try has opened it.
pub(crate) fn next_hint(pack: &Pack, exercise: &Exercise) -> anyhow::Result<Vec<Line>> {
    let slug = exercise.slug();
    let progress = Progress::read(pack);
    let (shown, at) = progress.hints(slug);
    let all = exercise.entry.hints.len();
    let opens = shown < all && (shown == 0 || progress.tries(slug) > at);
    let open = if opens { shown + 1 } else { shown.min(all) };
    if opens {
        progress::change(pack, |progress| progress.note_hint(slug, open));
    }
    let mut lines: Vec<Line> = Vec::new();
    for (number, hint) in exercise.entry.hints[..open].iter().enumerate() {
        let text = format!("{BOLD}{}{BOLD:#} {hint}", number + 1);
        lines.push(Line::hanging(text, 2));
    }
    if open == all {
        lines.push(Line::blank());
        lines.extend(lines_of(&worked(exercise)?));
    } else if !opens {
        lines.push(Line::plain(format!("{DIM}the next hint opens after another check{DIM:#}")));
    }
    Ok(lines)
}

/// The change from the starter to the solution.
fn worked(exercise: &Exercise) -> anyhow::Result<String> {
    let read = |variant: &str| {
        let path = exercise.source(variant);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(unified(&read(STARTER)?, &read(SOLUTION)?, "starter", "solution"))
}

fn unified(before: &str, after: &str, from: &str, to: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(2)
        .header(from, to)
        .to_string()
}

fn lines_of(text: &str) -> Vec<Line> {
    text.lines().map(Line::plain).collect()
}

/// `lab exercise diff`: the last two tries side by side, and what changed between them.
pub(crate) fn diff(args: &DiffArgs, pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let exercise = super::chosen(pack, args.slug.as_deref())?;
    let slug = exercise.slug();
    let last = tries::last(exercise, 2);
    let [(before, old), (after, new)] = &last[..] else {
        return Err(UsageError::error(format!(
            "{slug} has {} of the two tries that diff compares: lab exercise check {slug} makes one",
            last.len()
        )));
    };
    let mut lines = side_by_side(before, after);
    lines.push(Line::blank());
    let names = [before, after].map(|tried| format!("try {}", tried.number));
    match unified(old, new, &names[0], &names[1]) {
        same if same.is_empty() => lines.push(Line::plain("the file is the same in both")),
        text => lines.extend(lines_of(&text)),
    }
    let folder = pack.folder.clone();
    for tried in [before, after] {
        let Some(recording) = &tried.recording else { continue };
        // The programs are not needed: the recording is read, and nothing is run.
        let scenario = exercise.scenario(&folder);
        let report = recording.join(page::FILE);
        let made = match report.is_file() {
            true => Ok(report),
            false => Results::read(recording, &[scenario])
                .and_then(|results| page::write(&results, &report).map(|()| report)),
        };
        let shown = match made {
            Ok(report) => report.display().to_string(),
            Err(error) => format!("not available: {error:#}"),
        };
        lines.push(Line::labelled(&format!("report {}", tried.number), &shown));
    }
    print(&lines, style, &[])?;
    Ok(Exit::Done)
}

/// Two tries in two columns: verdict, goals, metrics.
fn side_by_side(before: &Try, after: &Try) -> Vec<Line> {
    let row = |label: &str, left: &str, right: &str| {
        Line::hanging(format!("{left:<14} {right:<14} {label}"), 30)
    };
    let mut lines = vec![
        row("", &format!("try {}", before.number), &format!("try {}", after.number)),
        row("verdict", &before.verdict, &after.verdict),
    ];
    let mut goals: Vec<&String> = before.goals.iter().map(|(says, ..)| says).collect();
    for (says, ..) in &after.goals {
        if !goals.contains(&says) {
            goals.push(says);
        }
    }
    let verdict = |tried: &Try, says: &String| {
        let found = tried.goals.iter().find(|(goal, ..)| goal == says);
        found.map_or_else(|| "-".to_owned(), |(_, verdict, _)| verdict.clone())
    };
    for says in goals {
        lines.push(row(says, &verdict(before, says), &verdict(after, says)));
    }
    for (label, value) in &after.shows {
        let left = before.shows.iter().find(|(other, _)| other == label);
        let left = left.map_or("-", |(_, value)| value);
        lines.push(row(label, left, value));
    }
    lines
}

/// `lab exercise solution`: after solving it, or for whoever gives up.
pub(crate) fn solution(args: &SolutionArgs, pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let exercise = super::chosen(pack, args.slug.as_deref())?;
    let slug = exercise.slug();
    if !args.give_up && !Progress::read(pack).is_solved(slug) {
        return Err(UsageError::error(format!(
            "{slug} is not solved yet: lab exercise hint {slug}, or --give-up to see the solution"
        )));
    }
    let mut lines = lines_of(&worked(exercise)?);
    lines.push(Line::blank());
    lines.push(Line::labelled("file", &exercise.source(SOLUTION).display().to_string()));
    print(&lines, style, &[])?;
    Ok(Exit::Done)
}

/// `lab exercise reset`: the file as it was shipped. The learner's is kept among the tries.
pub(crate) fn reset(args: &SlugArgs, pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let exercise = super::chosen(pack, args.slug.as_deref())?;
    print(&reset_file(exercise)?, style, &[])?;
    Ok(Exit::Done)
}

/// Puts the file back, and keeps the learner's.
pub(crate) fn reset_file(exercise: &Exercise) -> anyhow::Result<Vec<Line>> {
    let (file, shipped) = (exercise.file(), shipped(exercise)?);
    let mut lines = Vec::new();
    match fs::read(&file) {
        Ok(code) if code == shipped => {
            lines.push(Line::plain(format!("{} is as it was shipped", file.display())));
        }
        found => {
            // A file that was moved away leaves nothing to keep.
            if let Ok(code) = found {
                let unmeasured = Try { verdict: "not measured".into(), ..Try::not_built() };
                let kept = tries::keep(exercise, &code, &unmeasured)?;
                lines.push(Line::labelled("kept", &kept.display().to_string()));
            }
            file::replace(&file, &shipped)?;
            lines.push(Line::labelled("reset", &file.display().to_string()));
        }
    }
    Ok(lines)
}

/// The learner's file as it was shipped.
fn shipped(exercise: &Exercise) -> anyhow::Result<Vec<u8>> {
    if exercise.entry.mystery.is_some() {
        return Ok(mystery::shipped(exercise)?.into_bytes());
    }
    let starter = exercise.source(STARTER);
    fs::read(&starter).with_context(|| format!("cannot read {}", starter.display()))
}

/// Whether the learner has changed the file.
pub(crate) fn is_changed(exercise: &Exercise) -> bool {
    fs::read(exercise.file()).ok() != shipped(exercise).ok()
}
