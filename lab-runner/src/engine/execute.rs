//! Does what was planned: one folder an invocation, one child after another, and nothing left
//! behind.

use crate::engine::environment;
use crate::engine::invocation;
use crate::engine::plan::{Planned, Times};
use crate::engine::progress::Progress;
use crate::engine::recordings::{MANY, invocations};
use crate::engine::supervise::{Interrupts, supervise};
use crate::exit;
use crate::exit::{Exit, UsageError};
use anyhow::{Context, anyhow};
use lab_analysis::resolve;
use lab_kit::batch::names;
use lab_kit::limits;
use lab_recording::Ending;
use lab_recording::counters;
use lab_recording::folder::{self, Recorder};
use lab_recording::outcome::Outcome;
use lab_recording::spec::{FORMAT, Purpose, Side, Spec};
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Prints where an interrupted command left its recordings.
pub(crate) fn interrupted(folder: &Path, signal: i32) -> Exit {
    // An empty folder can be removed: it was interrupted before the first run.
    exit::say(&match fs::remove_dir(folder) {
        Ok(()) => "interrupted before anything was recorded".into(),
        Err(_) => format!("interrupted: lab report {} shows what was recorded", folder.display()),
    });
    Exit::Interrupted(signal)
}

pub(crate) fn spec(run: &Planned) -> Spec {
    Spec {
        format: FORMAT,
        scenario: run.scenario.name.into(),
        variant: run.variant.name.into(),
        kind: run.variant.kind,
        about: run.variant.about.into(),
        load: run.load.clone(),
        purpose: run.purpose.clone(),
        padding: run.padding,
        command: typed(),
        timeout_ms: run.timeout.as_millis() as u64,
        parent: std::process::id(),
        environment: environment::here(),
    }
}

/// The command line without the binary, as a shell would be given it.
fn typed() -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

/// A word as a shell would be given it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/+%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A run's folder inside its invocation's: sorted by the order in which they were done.
pub(crate) fn run_name(number: usize, of: usize, spec: &Spec) -> String {
    let digits = of.to_string().len().max(2);
    let numbered = |more: &str| format!("{:0digits$}-{}{more}", number + 1, spec.variant);
    match &spec.purpose {
        Purpose::Measure => numbered(""),
        Purpose::Larger { ratio } => numbered(&format!("-x{ratio}")),
        Purpose::Sweep { .. } => numbered(&format!("-{}", spec.load.size)),
        Purpose::Trial { number } => numbered(&format!("-trial-{number}")),
        Purpose::Pair(pair) => {
            format!("pair-{:03}-{}-{}", pair.number, letter(pair.side), spec.variant)
        }
        Purpose::Profile { profiler, pair: Some(pair), .. } => {
            format!("{}-{}-{profiler}", letter(pair.side), spec.variant)
        }
        Purpose::Profile { profiler, pair: None, .. } => format!("{}-{profiler}", spec.variant),
    }
}

fn letter(side: Side) -> &'static str {
    match side {
        Side::A => "a",
        Side::B => "b",
    }
}

/// Makes the folder of this invocation: `greedy-20260301T093000Z-1234`.
pub(crate) fn invocation_folder(out: &Path, scenario: &str) -> anyhow::Result<PathBuf> {
    let time =
        humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(['-', ':'], "");
    crate::engine::scratch::remove_abandoned_scratch(out);
    recommend_cleaning(out);
    let made = invocation::make(out, &format!("{scenario}-{time}"), std::process::id());
    made.map_err(|error| {
        let text = format!("cannot record into '{}': {error}", out.display());
        match limits::refusal(&text) {
            Some(_) => anyhow!("{}: try another --out", limits::explained(&text)),
            None => UsageError::error(format!("{text}: try another --out")),
        }
    })
}

/// What the batches of an invocation took, of the runs that ended.
pub(crate) fn batch_times(invocation: &Path) -> Times {
    let mut times = Times::new();
    for entry in fs::read_dir(invocation).into_iter().flatten().flatten() {
        let Ok(run) = folder::open(&entry.path()) else { continue };
        if run.outcome.ending != Ending::Finished || !run.spec.load.is_batch() {
            continue;
        }
        let counters = counters::read(&run.folder.join(counters::COUNTERS)).unwrap_or_default();
        if let Some((_, ns)) = counters.into_iter().find(|(name, _)| name == names::WALL_NS) {
            times.insert((run.spec.variant, run.spec.load.size), Duration::from_nanos(ns));
        }
    }
    times
}

/// The number of recordings above which the command suggests `lab clean`.
fn recommend_cleaning(out: &Path) {
    let count = invocations(out).len();
    if count >= MANY {
        let shown = out.display();
        let next = "lab clean removes all but the newest ten";
        exit::say(&format!("note: {shown} holds {count} recordings: {next}"));
    }
}

/// Runs them one after another: two at once would measure each other. Returns the signal that
/// interrupted.
pub(crate) fn run_all(
    runs: &[Planned],
    folder: &Path,
    interrupts: &Interrupts,
) -> anyhow::Result<Option<i32>> {
    run_each(runs, folder, interrupts, &mut |_, _| ())
}

/// As [`run_all`], and calls `done` after each run with the number of runs done and its folder.
pub(crate) fn run_each(
    runs: &[Planned],
    folder: &Path,
    interrupts: &Interrupts,
    done: &mut dyn FnMut(usize, &Path),
) -> anyhow::Result<Option<i32>> {
    run_part(runs, Part { before: 0, of: runs.len() }, folder, interrupts, done)
}

/// Which part of all runs of an invocation is done now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Runs that were done before.
    pub before: usize,
    /// All runs, as far as is known.
    pub of: usize,
}

/// As [`run_each`], for runs that are a part of more.
pub(crate) fn run_part(
    runs: &[Planned],
    part: Part,
    folder: &Path,
    interrupts: &Interrupts,
    done: &mut dyn FnMut(usize, &Path),
) -> anyhow::Result<Option<i32>> {
    if !runs.is_empty() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let terminal = io::stderr().is_terminal();
    for (number, run) in runs.iter().enumerate() {
        if interrupts.signal().is_some() {
            break;
        }
        let spec = spec(run);
        let recorder = record(&folder.join(run_name(number, runs.len(), &spec)), &spec)?;
        let progress = terminal.then(|| Progress::begin(part.before + number + 1, part.of, &spec));
        let ended = supervise(&spec, run.variant.program, &recorder, interrupts);
        drop(progress);
        // Pipes and scratch files are the run's, and the run is over, however it ended.
        folder::remove_scratch(&recorder.folder);
        complete(ended?, &recorder, run.variant.program)?;
        done(number + 1, &recorder.folder);
    }
    Ok(interrupts.signal())
}

/// Resolves the names in the thread dump of a child that hung or panicked, and finds the futures
/// that may have been too large for the stack of one that crashed.
fn complete(
    mut outcome: Outcome,
    recorder: &Recorder,
    program: Option<&Path>,
) -> anyhow::Result<()> {
    let wrong = resolve::threads::complete(&recorder.folder, outcome.ending == Ending::Hung);
    if outcome.ending == Ending::Crashed && resolve::crash::is_stack_overflow(&outcome) {
        let own = std::env::current_exe().unwrap_or_default();
        resolve::crash::complete(&recorder.folder, program.unwrap_or(&own))?;
    }
    if wrong.is_empty() {
        return Ok(());
    }
    outcome.warnings.extend(wrong);
    recorder.write_outcome(&outcome)
}

/// Opens a recording. What cannot be made leaves nothing behind; runs that were recorded before it
/// stay.
fn record(folder: &Path, spec: &Spec) -> anyhow::Result<Recorder> {
    Recorder::create(folder, spec).map_err(|error| {
        let kept = folder.parent().filter(|invocation| fs::remove_dir(invocation).is_err());
        let kept = kept
            .map(|invocation| format!("; earlier runs are in {}", invocation.display()))
            .unwrap_or_default();
        let shown = folder.display();
        let text = format!("cannot record into '{shown}': {error:#}");
        let next = format!("free some room or try another --out{kept}");
        match limits::refusal(&text) {
            Some(_) => anyhow!("{}: {next}", limits::explained(&text)),
            None => UsageError::error(format!("{text}: {next}")),
        }
    })
}
