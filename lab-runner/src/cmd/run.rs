//! `lab run`: checks what is asked, plans it, runs it in child processes, and reports from the recordings.

use super::load::{check, check_stall, load};
use super::show;
use crate::cli::{Format, RunArgs};
use crate::exit::{self, Exit, UsageError};
use crate::plan::{self, Planned, Which};
use crate::recording::{Environment, FORMAT, Recorder, Spec};
use crate::report::{Report, Style};
use crate::supervise::{Interrupts, supervise};
use lab_kit::Scenario;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(crate) fn run(args: &RunArgs, plain: bool, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let scenario = plan::scenario(scenarios, &args.scenario)?;
    let load = load(scenario, &args.load)?;
    check(scenario, &load)?;
    let runs = plan::plan(scenario, which(args), &load, args.timeout)?;
    check_stall(&runs)?;
    for larger in runs.iter().filter(|run| run.scaled > 1) {
        check(scenario, &larger.load).map_err(|error| {
            let variant = larger.variant.name;
            UsageError::error(format!("--all runs {variant} at {} × the size, and {error}", larger.scaled))
        })?;
    }
    if args.dry_run {
        return print_plan(&runs, args.format);
    }
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.out, scenario.name)?;
    let interrupted = run_all(&runs, &folder, &interrupts)?;
    match interrupted {
        Some(signal) => {
            // An empty folder can be removed: it was interrupted before the first run.
            exit::say(&match fs::remove_dir(&folder) {
                Ok(()) => "interrupted before anything was recorded".into(),
                Err(_) => {
                    format!("interrupted: what was recorded is in {0}, lab report {0} reads it", folder.display())
                }
            });
            Ok(Exit::Interrupted(signal))
        }
        None => show(&Report::read(&folder, scenarios)?, args.format, Style { plain }),
    }
}

fn which(args: &RunArgs) -> Which<'_> {
    match &args.variant {
        Some(name) => Which::Named(name),
        None if args.all => Which::All,
        None if args.fixed => Which::Fixed,
        None => Which::Buggy,
    }
}

fn print_plan(runs: &[Planned], format: Format) -> anyhow::Result<Exit> {
    let mut stdout = io::stdout().lock();
    let specs: Vec<Spec> = runs.iter().map(spec).collect();
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut stdout, &specs).map_err(io::Error::from)?;
        writeln!(stdout)?;
        return Ok(Exit::Done);
    }
    for (number, spec) in specs.iter().enumerate() {
        let load = serde_json::to_string(&spec.load)?;
        writeln!(stdout, "{:<24} killed after {} ms  {load}", run_name(number, spec), spec.timeout_ms)?;
    }
    Ok(Exit::Done)
}

fn spec(run: &Planned) -> Spec {
    Spec {
        format: FORMAT,
        scenario: run.scenario.name.into(),
        variant: run.variant.name.into(),
        kind: run.variant.kind,
        about: run.variant.about.into(),
        load: run.load.clone(),
        scaled: run.scaled,
        timeout_ms: run.timeout.as_millis() as u64,
        parent: std::process::id(),
        environment: Environment::here(),
    }
}

/// A run's folder inside its invocation's: sorted by the order in which they were done.
fn run_name(number: usize, spec: &Spec) -> String {
    let size = if spec.scaled == 1 { String::new() } else { format!("-x{}", spec.scaled) };
    format!("{:02}-{}{size}", number + 1, spec.variant)
}

/// Makes the folder of this invocation: `greedy-20260301T093000Z-1234`.
fn invocation_folder(out: &Path, scenario: &str) -> anyhow::Result<PathBuf> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(['-', ':'], "");
    let folder = out.join(format!("{scenario}-{time}-{}", std::process::id()));
    let made = fs::create_dir_all(&folder);
    made.map_err(|error| {
        UsageError::error(format!("cannot record into '{}': {error}: try another --out", out.display()))
    })?;
    Ok(folder)
}

/// Runs them one after another: two at once would measure each other. Returns the signal that interrupted.
fn run_all(runs: &[Planned], folder: &Path, interrupts: &Interrupts) -> anyhow::Result<Option<i32>> {
    let terminal = io::stderr().is_terminal();
    for (number, run) in runs.iter().enumerate() {
        if interrupts.signal().is_some() {
            break;
        }
        let spec = spec(run);
        let recorder = record(&folder.join(run_name(number, &spec)), &spec)?;
        let show = |elapsed: Duration| progress(number + 1, runs.len(), &spec, elapsed);
        supervise(&spec, &recorder, interrupts, terminal.then_some(&show))?;
        if terminal {
            clear_line();
        }
    }
    Ok(interrupts.signal())
}

/// Opens a recording. What cannot be made leaves nothing behind; runs that were recorded before it stay.
fn record(folder: &Path, spec: &Spec) -> anyhow::Result<Recorder> {
    Recorder::create(folder, spec).map_err(|error| {
        let _ = fs::remove_dir_all(folder);
        let kept = folder.parent().filter(|invocation| fs::remove_dir(invocation).is_err());
        let kept = kept.map(|invocation| format!("; earlier runs are in {}", invocation.display())).unwrap_or_default();
        let shown = folder.display();
        UsageError::error(format!("cannot record into '{shown}': {error:#}: free some room or try another --out{kept}"))
    })
}

/// One line on stderr that is written over.
fn progress(number: usize, of: usize, spec: &Spec, elapsed: Duration) {
    let expected = spec.load.warmup() + spec.load.duration();
    let text = format!(
        "{number}/{of} {} {}  {:.1} s of {:.1} s",
        spec.scenario,
        spec.variant,
        elapsed.as_secs_f64(),
        expected.as_secs_f64()
    );
    let _ = write!(io::stderr(), "\r\x1b[K{text}");
}

fn clear_line() {
    let _ = write!(io::stderr(), "\r\x1b[K");
}
