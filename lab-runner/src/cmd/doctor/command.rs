//! `lab doctor`: what this machine can measure, what it cannot, and how large its noise is.

use crate::cli::{CompareArgs, DoctorArgs, Format, LoadArgs, RecordArgs};
use crate::cmd::compare::{planned, sides, variant};
use crate::cmd::doctor::text;
use crate::cmd::doctor::{DefaultLoad, Examination, Facts, Judgement, Noise, busiest, limitations};
use crate::cmd::dry_run::print_plan;
use crate::cmd::load::{check, check_stall};
use crate::engine::environment::ProcessTicks;
use crate::engine::execute::{interrupted, invocation_folder, run_all};
use crate::engine::plan;
use crate::engine::plan::{Planned, Sides};
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use lab_recording::Kind;
use std::path::Path;
use std::time::{Duration, Instant};

/// A run shorter than this is hardly more than its own start.
const SHORTEST: Duration = Duration::from_secs(1);

pub(crate) fn run(
    args: &DoctorArgs,
    plain: bool,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    if args.record.format == Format::Ledger {
        return Err(UsageError::error(
            "a ledger is about scenarios, not about a machine: try --format json",
        ));
    }
    let (sides, runs) = null_test(args, scenarios)?;
    if args.record.dry_run {
        return print_plan(&runs, args.record.format);
    }
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.record.out, "doctor")?;
    exit::say(&announcement(&runs));
    let facts = Facts::here(&folder);
    let (begin, then) = (Instant::now(), ProcessTicks::now());
    if let Some(signal) = run_all(&runs, &folder, &interrupts)? {
        return Ok(interrupted(&folder, signal));
    }
    let wall_ms = begin.elapsed().as_secs_f64() * 1e3;
    let others = then
        .zip(ProcessTicks::now())
        .map(|(then, now)| busiest(&then, &now, wall_ms))
        .unwrap_or_default();
    let report = Results::read(&folder, scenarios)?;
    let noise =
        Noise::new(report.comparison.as_ref(), report.runs.iter().map(|(run, _)| run), others);
    show(&examination(&sides, facts, noise, &folder, scenarios), args.record.format, plain)
}

/// The pairs of a variant with itself, as `lab compare --null` would run them under a load as short
/// as will do.
fn null_test(
    args: &DoctorArgs,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<(Sides, Vec<Planned>)> {
    let scenario = match &args.scenario {
        Some(name) => plan::scenario(scenarios, name)?,
        None => scenarios
            .first()
            .ok_or_else(|| UsageError::error("this lab has no scenario: give it one"))?,
    };
    let brief = scenario.brief_load().duration().max(SHORTEST);
    let duration = args.duration.or((!scenario.load.is_batch()).then_some(brief));
    let RecordArgs { format, dry_run, ref out, keep_raw } = args.record;
    let options = CompareArgs {
        scenario: scenario.name.to_owned(),
        before: Some(variant(scenario, args.variant.as_deref(), Kind::Fixed)?.name.to_owned()),
        after: None,
        pairs: Some(args.pairs),
        metric: Vec::new(),
        looks: false,
        profile: None,
        null: true,
        load_a: None,
        load_b: None,
        load: LoadArgs { duration, ..LoadArgs::default() },
        timeout: None,
        strict: false,
        record: RecordArgs { format, dry_run, out: out.clone(), keep_raw },
    };
    let sides = sides(scenario, &options)?;
    sides.of.iter().try_for_each(|side| check(scenario, &side.load))?;
    let runs = planned(&options, &sides);
    check_stall(&runs)?;
    Ok((sides, runs))
}

/// What is going to happen and how long it takes: nothing is printed until it is over.
fn announcement(runs: &[Planned]) -> String {
    let names = runs
        .first()
        .map_or(String::new(), |run| format!("{} {}", run.scenario.name, run.variant.name));
    let load: Duration = runs.iter().map(|run| run.load.warmup() + run.load.duration()).sum();
    let takes = match load.as_secs() {
        0 => "of a batch".to_owned(),
        seconds => format!("about {seconds} s"),
    };
    let count = runs.len();
    format!(
        "examining the machine for some seconds, then {names} against itself: {count} runs, {takes}"
    )
}

fn examination(
    sides: &Sides,
    facts: Facts,
    noise: Noise,
    folder: &Path,
    scenarios: &[&'static Scenario],
) -> Examination {
    let [side, _] = &sides.of;
    let streams = scenarios.iter().filter(|scenario| !scenario.load.is_batch());
    let default_load = |scenario: &&'static Scenario| DefaultLoad {
        scenario: scenario.name,
        rate: scenario.load.rate,
        seconds: scenario.load.duration().as_secs_f64(),
    };
    let loads: Vec<DefaultLoad> = streams.map(default_load).collect();
    Examination {
        schema: Examination::SCHEMA,
        scenario: sides.scenario.name,
        variant: side.variant.name,
        load: side.load.clone(),
        limitations: limitations(&facts, side.load.workers, &loads),
        facts,
        noise,
        recording: folder.to_owned(),
    }
}

/// Prints what was found and turns it into an exit code.
fn show(examination: &Examination, format: Format, plain: bool) -> anyhow::Result<Exit> {
    if format == Format::Json {
        exit::print_json(examination)?;
    } else {
        exit::print(|to| text::print(examination, Style::new(plain), to))?;
    }
    Ok(match examination.noise.judgement {
        Judgement::Quiet => Exit::Done,
        Judgement::FalseAlarm | Judgement::TooBusy | Judgement::NotMeasured => Exit::NotMeasured,
    })
}
