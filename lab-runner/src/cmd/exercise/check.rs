//! `lab exercise check`: builds the learner's file, measures it, and judges it by its goal.

use crate::cli::exercise::CheckArgs;
use crate::cmd::exercise::attempt::{Attempt, Known};
use crate::cmd::exercise::build::{Built, Shown, build};
use crate::cmd::exercise::judge::Outcome;
use crate::cmd::exercise::pack::{Exercise, Pack, STARTER, YOURS};
use crate::cmd::exercise::progress;
use crate::cmd::exercise::text::{self, VerdictView, goals, joined, linked};
use crate::cmd::exercise::tries::{self, Try};
use crate::cmd::exercise::{mystery, predict, seal};
use crate::cmd::page;
use crate::engine::execute::{interrupted, invocation_folder};
use crate::engine::supervise::Interrupts;
use crate::exit::{self, Exit};
use crate::report::Style;
use crate::report::screen::{Line, invoked};
use anyhow::Context;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How much of a check is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// One run: what counts can tell.
    Counts,
    /// Runs beside the starter, and the profilers.
    Full,
}

pub(crate) fn run(args: &CheckArgs, pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let exercise = &mystery::prepared(super::chosen(pack, args.slug.as_deref())?, args.seed)?;
    let depth = if args.counts { Depth::Counts } else { Depth::Full };
    let interrupts = Interrupts::catch()?;
    let mut say = |lines: &[Line]| print(lines, style, &[&exercise.file()]);
    let to_check = ToCheck {
        pack,
        exercise,
        depth,
        out: &args.out,
        interrupts: &interrupts,
        style,
        shown: Shown::AsTheyCome,
    };
    Ok(match check(&to_check, &mut say)? {
        Checked::Interrupted(signal, Some(folder)) => interrupted(&folder, signal),
        Checked::Interrupted(signal, None) => {
            exit::say("interrupted before anything was recorded");
            Exit::Interrupted(signal)
        }
        Checked::NotBuilt(_) => Exit::NotBuilt,
        Checked::Judged(outcome) => exit_of(&outcome),
    })
}

/// The exit code of a verdict.
fn exit_of(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Solved => Exit::Done,
        Outcome::NotYet(_) | Outcome::Hangs => Exit::Broken,
        Outcome::Inconclusive(_) => Exit::NotMeasured,
    }
}

/// How a check ended.
#[derive(Debug)]
pub(crate) enum Checked {
    Judged(Outcome),
    /// The compiler's words, if they were not shown as they came.
    NotBuilt(String),
    /// The signal, and what was recorded.
    Interrupted(i32, Option<PathBuf>),
}

/// What is checked, and how.
#[derive(Clone, Copy)]
pub(crate) struct ToCheck<'a> {
    pub pack: &'a Pack,
    pub exercise: &'a Exercise,
    pub depth: Depth,
    /// The folder of recordings.
    pub out: &'a Path,
    pub interrupts: &'a Interrupts,
    pub style: Style,
    /// Where the words of the compiler go.
    pub shown: Shown,
}

/// Checks the learner's file, and says what is found as it is found. Every measured try is kept and
/// counted.
pub(crate) fn check(
    what: &ToCheck<'_>,
    say: &mut dyn FnMut(&[Line]) -> anyhow::Result<()>,
) -> anyhow::Result<Checked> {
    let ToCheck { pack, exercise, depth, out, interrupts, shown, .. } = *what;
    seal::check(pack)?;
    let file = exercise.file();
    let code = fs::read(&file).with_context(|| {
        let slug = exercise.slug();
        format!("cannot read {}: lab exercise reset {slug} puts it back", file.display())
    })?;
    if shown == Shown::AsTheyCome {
        say(&text::head(exercise))?; // the screen of watch mode has it
    }
    let programs = [exercise.program(YOURS), exercise.program(STARTER)];
    let folder = match build(&pack.folder, &programs, shown, interrupts)? {
        Built::In(folder) => folder,
        Built::Interrupted(signal) => return Ok(Checked::Interrupted(signal, None)),
        Built::No(words) => {
            let kept = tries::keep(exercise, &code, &Try::not_built());
            kept.err().iter().for_each(|error| exit::say(&format!("warning: {error:#}")));
            let file = file.display();
            say(&[Line::plain(format!("DOES NOT BUILD: the compiler says where in {file}"))])?;
            return Ok(Checked::NotBuilt(words));
        }
    };
    let recording = invocation_folder(out, exercise.slug())?;
    let attempt = Attempt::new(exercise, YOURS, &folder, recording, interrupts);
    let stopped = |signal| Ok(Checked::Interrupted(signal, Some(attempt.folder.clone())));
    let begin = Instant::now();
    if let Some(signal) = attempt.counts()? {
        return stopped(signal);
    }
    let mut known = attempt.known()?;
    say(&[
        Line::blank(),
        Line::plain(format!("counts, after {:.1} s", begin.elapsed().as_secs_f64())),
    ])?;
    say(&goals(&known.reached))?;
    if depth == Depth::Full {
        match measure(&attempt, known)? {
            Ok(measured) => known = measured,
            Err(signal) => return stopped(signal),
        }
        say(&[
            Line::blank(),
            Line::plain(format!("all runs, after {:.1} s", begin.elapsed().as_secs_f64())),
        ])?;
        say(&goals(&known.reached))?;
    }
    conclude(what, &attempt, &known, &code, say)?;
    Ok(Checked::Judged(known.outcome))
}

/// Says the verdict, and keeps the try and what it means for the learner's progress.
fn conclude(
    what: &ToCheck<'_>,
    attempt: &Attempt<'_>,
    known: &Known,
    code: &[u8],
    say: &mut dyn FnMut(&[Line]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let ToCheck { pack, exercise, depth, style, shown, .. } = *what;
    let named = mystery::may_name_faults(pack, exercise);
    let report = if named { page::write_all(&known.results) } else { None };
    say(&[Line::blank()])?;
    say(&text::verdict(&VerdictView {
        exercise,
        variant: YOURS,
        outcome: &known.outcome,
        reached: &known.reached,
        results: &known.results,
        report: report.as_deref(),
        names_faults: named,
        counts_only: depth == Depth::Counts,
        has_keys: shown == Shown::Kept,
        lab: &invoked(),
        style,
    }))?;
    say(&predict::scored(pack, exercise, &known.results))?;
    let shows = text::shows(&known.results, YOURS, style);
    let tried = Try { shows, ..Try::new(&known.outcome, &known.reached, &attempt.folder) };
    if let Err(error) = tries::keep(exercise, code, &tried) {
        exit::say(&format!("warning: this try is not kept: {error:#}"));
    }
    // Counts alone leave what rests on times open: they are no verdict that is kept.
    let solved = known.outcome == Outcome::Solved && depth == Depth::Full && named;
    progress::change(pack, |progress| {
        progress.note_try(exercise.slug());
        if solved {
            progress.note_solved(exercise.slug());
        }
    });
    Ok(())
}

/// The runs beside the starter, as far as they are needed, and the profilers.
///
/// A goal that is missed by a count needs no starter to compare with: what it needs is evidence of
/// why. A program that hangs has its thread dump.
fn measure(attempt: &Attempt<'_>, known: Known) -> anyhow::Result<Result<Known, i32>> {
    let mut known = known;
    if known.outcome == Outcome::Hangs {
        return Ok(Ok(known));
    }
    if !known.is_decided() {
        if let Some(signal) = attempt.beside_the_starter()? {
            return Ok(Err(signal));
        }
        known = attempt.known()?;
        if known.is_open()
            && let Some(signal) = attempt.once_more()?
        {
            return Ok(Err(signal));
        }
    }
    if let Some(signal) = attempt.profiles()? {
        return Ok(Err(signal));
    }
    Ok(Ok(attempt.known()?))
}

/// Prints lines at once: a check takes a while, and what is known already helps.
pub(crate) fn print(lines: &[Line], style: Style, links: &[&Path]) -> anyhow::Result<()> {
    let text = crate::printable::for_terminal(&joined(lines, style));
    let mut stdout = anstream::AutoStream::auto(std::io::stdout().lock());
    // A reader that has gone has what it wanted.
    let _ = stdout.write_all(linked(&text, links).as_bytes()).and_then(|()| stdout.flush());
    Ok(())
}
