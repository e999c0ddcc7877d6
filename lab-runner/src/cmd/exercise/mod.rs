//! `lab exercise`: the workshop. A learner edits one file of a pack, and is judged by what the
//! scheduler did when it ran.
//!
//! An exercise is a scenario whose variants are programs: the learner's file, the starter, the
//! solution and the traps. So planning, child processes, recordings, claims and reports are those of
//! `lab run`. What is here reads the pack, builds, judges several runs together, and keeps what the
//! learner has done.

mod attempt;
mod build;
pub(crate) mod check;
pub(crate) mod honest;
mod judge;
pub(crate) mod kept;
mod learner;
mod likeness;
mod manifest;
mod mystery;
mod new;
mod pack;
mod predict;
mod progress;
mod seal;
mod text;
mod tries;
mod watch;

use crate::cli::exercise::{ExerciseArgs, Verb, WatchArgs};
use crate::exit::{self, Exit, UsageError};
use crate::report::Style;
use pack::{Exercise, Pack};
use progress::Progress;
use std::io::IsTerminal;

pub(crate) fn run(args: &ExerciseArgs, style: Style) -> anyhow::Result<Exit> {
    let pack = Pack::open(args.pack.as_deref())?;
    match &args.verb {
        None if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => {
            watch::run(&WatchArgs::default(), &pack, style)
        }
        None => learner::here(&pack, style),
        Some(Verb::Watch(args)) => watch::run(args, &pack, style),
        Some(Verb::List) => learner::list(&pack, style),
        Some(Verb::Check(args)) => check::run(args, &pack, style),
        Some(Verb::Hint(args)) => learner::hint(args, &pack, style),
        Some(Verb::Predict(args)) => predict::run(args, &pack),
        Some(Verb::Diff(args)) => learner::diff(args, &pack, style),
        Some(Verb::Solution(args)) => learner::solution(args, &pack, style),
        Some(Verb::Reset(args)) => learner::reset(args, &pack, style),
        Some(Verb::Verify(args)) => honest::run(args, &pack, style),
        Some(Verb::New(args)) => new::run(args, &pack),
        Some(Verb::Diagnose(args)) => mystery::diagnose(args, &pack),
        Some(Verb::Seal) => {
            seal::write(&pack)?;
            exit::print(|to| {
                writeln!(to, "sealed     {}", pack.folder.join(seal::FILE).display())
            })?;
            Ok(Exit::Done)
        }
    }
}

/// The exercise that was named, or the one that the learner is at.
fn chosen<'a>(pack: &'a Pack, slug: Option<&str>) -> anyhow::Result<&'a Exercise> {
    match slug {
        Some(slug) => pack.exercise(slug),
        None => Progress::read(pack).current(pack).ok_or_else(|| {
            UsageError::error("every exercise is solved: name one, as lab exercise list shows them")
        }),
    }
}
