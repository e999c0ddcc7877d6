//! `lab score`: runs variants whose fault is known, diagnoses them, and reports how often the
//! diagnosis is right.

mod read;
mod scanner;
mod text;

use crate::cli::{ScoreArgs, ScoreFormat};
use crate::cmd::profile::profile;
use crate::cmd::score::scanner::Scanner;
use crate::cmd::score::text as report;
use crate::engine::execute::{interrupted, invocation_folder};
use crate::engine::neighbour::Neighbours;
use crate::engine::plan;
use crate::engine::plan::{Choice, ScoreCell, ScorePlan};
use crate::engine::raw::RawLogs;
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::score::{Recorded, Score, needs_the_heap};
use lab_kit::{Scenario, Variant};
use lab_recording::profiler::Profiler;
use lab_recording::{Kind, Load, pack};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) fn run(
    args: &ScoreArgs,
    plain: bool,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    if args.rules {
        exit::print(|to| report::print_rules(Style::new(plain), to))?;
        return Ok(Exit::Done);
    }
    let scanner = args.scanner.as_deref().map(Scanner::find).transpose()?;
    let scanner = scanner.as_ref();
    if let Some(folder) = &args.from {
        return again(args, folder, scanner, plain, scenarios);
    }
    let plan = planned(args, scenarios)?;
    if args.dry_run {
        exit::print(|to| report::print_plan(&plan, args.format == ScoreFormat::Json, to))?;
        return Ok(Exit::Done);
    }
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.out, "score")?;
    let mut recorded = Recorded {
        format: Recorded::FORMAT,
        thorough: args.thorough,
        left_out: plan.left_out,
        scanner: scanner.map(Scanner::command),
        scanner_versions: None,
        cells: Vec::new(),
    };
    if let Some(signal) = run_all(args, &plan, (&folder, scanner), &interrupts, &mut recorded)? {
        return Ok(stopped(&recorded, &folder, signal));
    }
    show(&read::score(&folder, recorded, scenarios)?, &folder, args.format, plain)
}

fn planned(args: &ScoreArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<ScorePlan> {
    let chosen = match &args.scenarios[..] {
        [] => scenarios.to_vec(),
        names => names
            .iter()
            .map(|name| plan::scenario(scenarios, name))
            .collect::<anyhow::Result<_>>()?,
    };
    for scenario in &chosen {
        crate::cmd::load::check(scenario, &scenario.brief_load())?;
        labelled(scenario)?;
    }
    let fits = |scenario: &Scenario, load: &Load| crate::cmd::load::check(scenario, load).is_ok();
    let choice = Choice {
        thorough: args.thorough,
        seeds: args.seeds.clone(),
        neighbour: !args.no_neighbour,
    };
    Ok(plan::score(&chosen, &choice, &fits))
}

/// Refuses a scenario with a faulty variant that has no answer: it would be scored as a healthy one.
fn labelled(scenario: &Scenario) -> anyhow::Result<()> {
    let is_faulty = |variant: &&Variant| matches!(variant.kind, Kind::Buggy | Kind::Trap);
    let unlabelled = scenario.variants.iter().filter(is_faulty).find(|of| of.truth.is_none());
    match unlabelled {
        None => Ok(()),
        Some(variant) => Err(UsageError::error(format!(
            "variant {} of {} is a {} variant without an answer: add .truth(…), or make it a decoy if \
             it is healthy",
            variant.name, scenario.name, variant.kind
        ))),
    }
}

/// Runs and diagnoses one cell after another, and writes the progress after each. Returns the
/// signal that interrupted.
fn run_all(
    args: &ScoreArgs,
    plan: &ScorePlan,
    (folder, scanner): (&Path, Option<&Scanner>),
    interrupts: &Interrupts,
    recorded: &mut Recorded,
) -> anyhow::Result<Option<i32>> {
    let begin = Instant::now();
    // The time of another scanner is not the lab's: it leaves out no run.
    let mut scanning = Duration::ZERO;
    for (number, cell) in plan.cells.iter().enumerate() {
        if !args.thorough && begin.elapsed() - scanning + cell.takes > ScorePlan::LONGEST {
            recorded.left_out.no_time += 1;
            read::write(folder, recorded)?;
            continue;
        }
        progress(number + 1, plan.cells.len(), cell);
        recorded.cells.push(cell.cell.clone());
        read::write(folder, recorded)?;
        let detected_ms =
            run_one(cell, &folder.join(&cell.cell.folder), interrupts, args.raw_logs())?;
        if let Some(signal) = interrupts.signal() {
            return Ok(Some(signal));
        }
        let number = recorded.cells.len() - 1;
        recorded.cells[number].detected_ms = detected_ms;
        if let Some(scanner) = scanner {
            let scan_begins = Instant::now();
            scan(scanner, folder, recorded, number, interrupts)?;
            scanning += scan_begins.elapsed();
        }
        if let Some(signal) = interrupts.signal() {
            return Ok(Some(signal));
        }
        read::write(folder, recorded)?;
    }
    clear_line();
    Ok(None)
}

/// Has another scanner look at a run, and keeps its answer.
fn scan(
    scanner: &Scanner,
    folder: &Path,
    recorded: &mut Recorded,
    number: usize,
    interrupts: &Interrupts,
) -> anyhow::Result<()> {
    let cell = &mut recorded.cells[number];
    let answer = scanner.answer(&folder.join(&cell.folder), interrupts)?;
    if interrupts.signal().is_none() {
        cell.scanner = Some(answer.line);
        recorded.scanner_versions = answer.versions.or(recorded.scanner_versions.take());
    }
    Ok(())
}

/// One run under the scheduler profiler, and one under the allocation profiler where the findings
/// lack a function, or memory grew. Returns the time until the diagnosis, in milliseconds.
fn run_one(
    cell: &ScoreCell,
    into: &Path,
    interrupts: &Interrupts,
    logs: RawLogs,
) -> anyhow::Result<Option<f64>> {
    // Ended when this returns, however it does.
    let _neighbours = cell.cell.neighbour.then(Neighbours::start).transpose()?;
    let begin = Instant::now();
    let run_under = |profiler| {
        let runs = plan::profiles(std::slice::from_ref(&cell.run), &[profiler], None, None);
        profile(&runs, into, interrupts, logs)
    };
    if run_under(Profiler::Sched).is_some() {
        return Ok(None);
    }
    let Some(first) = read::diagnosis(into) else { return Ok(None) };
    if needs_the_heap(&first) && run_under(Profiler::Alloc).is_none() {
        read::diagnosis(into);
    }
    Ok(Some(begin.elapsed().as_secs_f64() * 1e3))
}

/// Scores recordings again.
pub(crate) fn again(
    args: &ScoreArgs,
    folder: &Path,
    scanner: Option<&Scanner>,
    plain: bool,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    let shown = folder;
    let opened = pack::open(folder).map_err(|error| UsageError::error(format!("{error:#}")))?;
    let folder = opened.folder();
    let mut recorded = read::recorded(folder)?;
    if let Some(scanner) = scanner {
        let interrupts = Interrupts::catch()?;
        (recorded.scanner, recorded.scanner_versions) = (Some(scanner.command()), None);
        for number in 0..recorded.cells.len() {
            scan(scanner, folder, &mut recorded, number, &interrupts)?;
            if let Some(signal) = interrupts.signal() {
                return Ok(Exit::Interrupted(signal));
            }
        }
    }
    show(&read::score(folder, recorded, scenarios)?, shown, args.format, plain)
}

/// Prints a score and turns it into an exit code.
fn show(score: &Score, folder: &Path, format: ScoreFormat, plain: bool) -> anyhow::Result<Exit> {
    match format {
        ScoreFormat::Json => exit::print_json(&report::document(score, folder))?,
        ScoreFormat::Markdown => exit::print(|to| report::markdown(score, to))?,
        ScoreFormat::Text => {
            let style = Style::new(plain);
            exit::print(|to| report::print(score, folder, style, to))?;
        }
    }
    let overall = score.overall();
    Ok(match (overall.is_undecided(), overall.is_wrong()) {
        (true, _) => Exit::NotMeasured,
        (false, true) => Exit::Broken,
        (false, false) => Exit::Done,
    })
}

fn stopped(recorded: &Recorded, folder: &Path, signal: i32) -> Exit {
    if recorded.cells.is_empty() {
        return interrupted(folder, signal);
    }
    let shown = folder.display();
    exit::say(&format!("interrupted: lab score --from {shown} scores what was recorded"));
    Exit::Interrupted(signal)
}

/// One line on a terminal, which the progress of the run overwrites.
fn progress(number: usize, of: usize, cell: &ScoreCell) {
    if io::stderr().is_terminal() {
        let neighbour = if cell.cell.neighbour { " beside a noisy neighbour" } else { "" };
        let (scenario, variant) = (&cell.cell.scenario, &cell.cell.variant);
        let _ = writeln!(
            io::stderr(),
            "\r\x1b[K{number} of {of}: {scenario} {variant}{neighbour}\x1b[1A"
        );
    }
}

fn clear_line() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

/// Reports the score in a folder that `lab report` was given; none if there is no score in it.
pub(crate) fn reported(
    folder: &Path,
    shown: &Path,
    plain: bool,
    json: bool,
    scenarios: &[&'static Scenario],
) -> Option<anyhow::Result<Exit>> {
    let is_score = folder.join(Recorded::FILE).is_file();
    let format = if json { ScoreFormat::Json } else { ScoreFormat::Text };
    let usage = |error: anyhow::Error| UsageError::error(format!("{error:#}"));
    let score = || read::score(folder, read::recorded(folder).map_err(usage)?, scenarios);
    is_score.then(|| show(&score()?, shown, format, plain))
}
