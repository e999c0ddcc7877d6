//! `lab compare`: two variants as pairs of fresh processes, and what the pairs say about every metric.

use crate::cli::{CompareArgs, OwnLoad};
use crate::cmd::dry_run::print_plan;
use crate::cmd::live::LiveTable;
use crate::cmd::load::{check, check_stall, check_timeout, load};
use crate::cmd::profile::profile;
use crate::cmd::sweep::write_figures;
use crate::cmd::{page, recorded, show};
use crate::engine::execute::{batch_times, interrupted, invocation_folder, run_each};
use crate::engine::plan;
use crate::engine::plan::{OneSide, Planned, Sides, Times};
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::comparison::metrics::{Metric, registry};
use lab_analysis::comparison::paired::Comparison;
use lab_analysis::comparison::verdict::{Change, POCOCK};
use lab_analysis::results::Results;
use lab_kit::{Scenario, Variant};
use lab_recording::Kind;
use lab_recording::profiler::Profiler;
use lab_recording::spec::Side;
use std::path::Path;
use std::time::Duration;

pub(crate) fn run(args: &CompareArgs, style: Style, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    if let Some(recordings) = recorded::sides(args)? {
        return recorded::compare(&recordings, args, style, scenarios);
    }
    let scenario = plan::scenario(scenarios, &args.scenario)?;
    check_metrics(scenario, &args.metric)?;
    let sides = sides(scenario, args)?;
    sides.of.iter().try_for_each(|side| check(scenario, &side.load))?;
    let batches = batches(args, &sides);
    check_timeout(&batches.concat())?;
    check_stall(&batches.concat())?;
    if args.record.dry_run {
        return print_plan(&batches.concat(), args.record.format);
    }
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.record.out, &format!("{}-compare", scenario.name))?;
    let signal = match pairs(&batches, &folder, &interrupts, style.plain, scenarios)? {
        None => {
            let times = batch_times(&folder);
            let runs = plan::profiles(&first_pair(&batches), &profilers(args, &batches), args.timeout, Some(&times));
            profile(&runs, &folder, &interrupts, args.record.raw_logs())
        }
        interrupted => interrupted,
    };
    conclude(&folder, signal, args, style, scenarios)
}

/// Runs the pairs, batch by batch, until they are decided. Returns the signal that interrupted.
fn pairs(
    batches: &[Vec<Planned>],
    folder: &Path,
    interrupts: &Interrupts,
    plain: bool,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Option<i32>> {
    let most = batches.iter().map(Vec::len).sum::<usize>() / 2;
    let mut table = LiveTable::new(folder, most, scenarios, plain);
    for batch in batches {
        let mut after = |runs: usize, _: &Path| {
            if runs.is_multiple_of(2) {
                table.update()
            }
        };
        let signal = run_each(batch, folder, interrupts, &mut after)?;
        table.clear();
        if signal.is_some() {
            return Ok(signal);
        }
        if Results::read(folder, scenarios)?.comparison.is_some_and(|comparison| is_decided(&comparison)) {
            break;
        }
    }
    Ok(None)
}

/// Both runs of the first pair, before first.
fn first_pair(batches: &[Vec<Planned>]) -> Vec<Planned> {
    let mut first: Vec<Planned> = batches.iter().flatten().take(2).cloned().collect();
    first.sort_by_key(|run| run.purpose.pair().map(|pair| pair.side == Side::B));
    first
}

/// What looks into both sides once the pairs are done. Unless it is told, nothing does where that would take half as long
/// as the pairs: who asks for a quick comparison is not to wait for something else.
fn profilers(args: &CompareArgs, batches: &[Vec<Planned>]) -> Vec<Profiler> {
    let lasts = |runs: &[Planned]| runs.iter().map(|run| run.load.warmup() + run.load.duration()).sum::<Duration>();
    let looking = lasts(&plan::profiles(&first_pair(batches), &Profiler::DEFAULT, args.timeout, Some(&Times::new())));
    let affordable = looking.is_zero() || 2 * looking < lasts(batches.first().map_or(&[], Vec::as_slice));
    let default = if affordable { Profiler::DEFAULT.into() } else { Vec::new() };
    args.profile.as_ref().map_or(default, |profilers| profilers.0.clone())
}

/// Refuses a metric that neither the lab nor the scenario has, and names the nearest.
fn check_metrics(scenario: &'static Scenario, named: &[String]) -> anyhow::Result<()> {
    let known = registry(Some(scenario));
    for name in named {
        if !known.iter().any(|metric| metric.name == name) {
            let likeness = |metric: &&Metric| (strsim::jaro_winkler(metric.name, name) * 1e6) as u64;
            let nearest = known.iter().max_by_key(likeness).map_or("", |metric| metric.name);
            return Err(UsageError::error(format!(
                "{} has no metric '{name}' to compare: try {nearest}",
                scenario.name
            )));
        }
    }
    Ok(())
}

/// What is to be compared, if it can be: two variants, one under two loads, or one with itself.
pub(crate) fn sides(scenario: &'static Scenario, args: &CompareArgs) -> anyhow::Result<Sides> {
    let two_loads = args.load_a.is_some() || args.load_b.is_some();
    let a = variant(scenario, args.before.as_deref(), Kind::Buggy)?;
    let b = variant(scenario, args.after.as_deref(), if args.null || two_loads { a.kind } else { Kind::Fixed })?;
    let b = if args.after.is_none() && (args.null || two_loads) { a } else { b };
    match (a.name == b.name, args.null || two_loads) {
        (true, false) => Err(UsageError::error(format!(
            "{0} against {0} measures only the noise of this machine: try --null for that",
            a.name
        ))),
        (false, true) => {
            Err(UsageError::error("--null, --load-a and --load-b take one variant: leave the second one out"))
        }
        _ => {
            let of = [side(scenario, a, args, &args.load_a)?, side(scenario, b, args, &args.load_b)?];
            Ok(Sides { scenario, of, metrics: args.metric.clone(), interim: args.looks })
        }
    }
}

pub(crate) fn variant(scenario: &'static Scenario, name: Option<&str>, kind: Kind) -> anyhow::Result<&'static Variant> {
    let missing = || UsageError::error(format!("{} has no {kind} variant: see lab list", scenario.name));
    name.map_or_else(|| scenario.first(kind).ok_or_else(missing), |name| plan::named(scenario, name))
}

fn side(
    scenario: &'static Scenario,
    variant: &'static Variant,
    args: &CompareArgs,
    own: &Option<OwnLoad>,
) -> anyhow::Result<OneSide> {
    let load_args = own.as_ref().map_or_else(|| args.load.clone(), |own| own.args.over(&args.load));
    // With a load on one side only, the other one is called what it is.
    let two_loads = args.load_a.is_some() || args.load_b.is_some();
    let label = two_loads.then(|| own.as_ref().map_or_else(|| "as it is".into(), |own| own.text.clone()));
    Ok(OneSide { variant, load: load(scenario, &load_args)?, label })
}

/// The pairs, up to each look.
pub(crate) fn batches(args: &CompareArgs, sides: &Sides) -> Vec<Vec<Planned>> {
    let ends: Vec<usize> =
        if args.looks { POCOCK.iter().map(|look| look.pairs).collect() } else { vec![args.pairs.unwrap_or(8)] };
    let begins = std::iter::once(0).chain(ends.iter().copied());
    begins.zip(ends.iter().copied()).map(|(done, end)| plan::pairs(sides, done + 1, end, args.timeout)).collect()
}

/// Whether more pairs would only cost time.
fn is_decided(comparison: &Comparison) -> bool {
    comparison.change() != Change::Inconclusive
}

/// Draws the pictures. The comparison stands without them, so a full disk is no failure.
fn draw(report: &Results) {
    if let Err(error) = write_figures(report, &report.folder) {
        exit::say(&format!("warning: cannot draw all charts: {error:#}"));
    }
}

/// Reports the pairs that were done, and all that was seen, also after an interrupt.
fn conclude(
    folder: &Path,
    signal: Option<i32>,
    args: &CompareArgs,
    style: Style,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    let read = Results::read(folder, scenarios);
    let report = match (read, signal) {
        (Ok(report), Some(signal)) if report.comparison.is_none() => return Ok(interrupted(folder, signal)),
        (Err(_), Some(signal)) => return Ok(interrupted(folder, signal)),
        (read, _) => read?,
    };
    draw(&report);
    let page = page::write_all(&report);
    let exit = show(&report, page.as_deref(), scenarios, args.record.format, style, args.strict)?;
    let Some(signal) = signal else { return Ok(exit) };
    exit::say(&format!("interrupted: the result is that of the pairs until then, in {}", folder.display()));
    Ok(Exit::Interrupted(signal))
}
