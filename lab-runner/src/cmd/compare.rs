//! `lab compare`: two variants as pairs of fresh processes, and what the pairs say about every
//! metric.

use crate::cli::{CompareArgs, OwnLoad};
use crate::cmd::dry_run::print_plan;
use crate::cmd::live::LiveTable;
use crate::cmd::load::{check, check_stall, check_timeout, load};
use crate::cmd::profile::profile;
use crate::cmd::sweep::write_figures;
use crate::cmd::{page, recorded, show};
use crate::engine::execute::{Part, batch_times, interrupted, invocation_folder, run_part};
use crate::engine::plan;
use crate::engine::plan::{OneSide, Planned, Sides};
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::comparison::metrics::{Metric, registry};
use lab_analysis::comparison::paired::{Comparison, Times};
use lab_analysis::comparison::verdict::{Change, POCOCK};
use lab_analysis::host::depends_on_host;
use lab_analysis::results::Results;
use lab_kit::{Scenario, Variant};
use lab_recording::Kind;
use lab_recording::profiler::Profiler;
use lab_recording::spec::Side;
use std::path::Path;
use std::time::Duration;

pub(crate) fn run(
    args: &CompareArgs,
    style: Style,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    if let Some(recordings) = recorded::sides(args)? {
        return recorded::compare(&recordings, args, style, scenarios);
    }
    let scenario = plan::scenario(scenarios, &args.scenario)?;
    check_metrics(scenario, &args.metric)?;
    let sides = sides(scenario, args)?;
    sides.of.iter().try_for_each(|side| check(scenario, &side.load))?;
    let planned = planned(args, &sides);
    check_timeout(&planned)?;
    check_stall(&planned)?;
    if args.record.dry_run {
        return print_plan(&planned, args.record.format);
    }
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.record.out, &format!("{}-compare", scenario.name))?;
    let mut comparing = Comparing {
        args,
        sides: &sides,
        folder: &folder,
        interrupts: &interrupts,
        scenarios,
        done: 0,
    };
    let signal = match comparing.run(style.plain)? {
        Stopped::Interrupted(signal) => Some(signal),
        Stopped::TooBusy => None,
        Stopped::Done => {
            let times = batch_times(&folder);
            let profilers = profilers(args, &planned);
            let runs =
                plan::profiles(&first_pair(&planned), &profilers, args.timeout, Some(&times));
            profile(&runs, &folder, &interrupts, args.record.raw_logs())
        }
    };
    conclude(&folder, signal, args, style, scenarios)
}

/// Why no more pairs are run.
enum Stopped {
    /// They are decided, or there are as many as were wanted.
    Done,
    /// Others take so much of the host that more pairs would come to nothing.
    TooBusy,
    /// A signal came.
    Interrupted(i32),
}

/// Pairs of this many are enough to see that the host is too busy for any.
const BUSY_PAIRS: usize = 3;

/// A comparison whose pairs are being run.
struct Comparing<'a> {
    args: &'a CompareArgs,
    sides: &'a Sides,
    folder: &'a Path,
    interrupts: &'a Interrupts,
    scenarios: &'a [&'static Scenario],
    /// Pairs that were run.
    done: usize,
}

impl Comparing<'_> {
    /// Runs pairs, look by look, until they are decided. A pair that was disturbed is replaced by
    /// another one, as long as replacements are at most half of the wanted pairs.
    fn run(&mut self, plain: bool) -> anyhow::Result<Stopped> {
        let mut table = LiveTable::new(self.folder, most_pairs(self.args), self.scenarios, plain);
        for wanted in looks(self.args) {
            let stopped = self.reach(wanted, &mut table);
            table.clear();
            match stopped? {
                Stopped::Done => {}
                stopped => return Ok(stopped),
            }
            if self.comparison().is_some_and(|comparison| is_decided(&comparison)) {
                break;
            }
        }
        Ok(Stopped::Done)
    }

    /// Runs pairs until so many were undisturbed.
    fn reach(&mut self, wanted: usize, table: &mut LiveTable<'_>) -> anyhow::Result<Stopped> {
        let most = wanted + wanted / 2;
        loop {
            // Before there are as many as wanted nothing is known of their host that would end it,
            // except that it is much too busy.
            let missing = match self.comparison() {
                Some(comparison) if is_too_busy(&comparison, self.sides, self.args) => {
                    return Ok(Stopped::TooBusy);
                }
                Some(comparison) => wanted.saturating_sub(comparison.quiet()),
                None => wanted.saturating_sub(self.done),
            };
            let first = self.done + 1;
            let last = (self.done + missing.min(BUSY_PAIRS)).min(most);
            if first > last {
                return Ok(Stopped::Done);
            }
            let runs = plan::pairs(self.sides, first, last, wanted, self.args.timeout);
            let mut after = |runs: usize, _: &Path| {
                if runs.is_multiple_of(2) {
                    table.update()
                }
            };
            let part = Part { before: 2 * self.done, of: 2 * most_pairs(self.args).max(last) };
            let signal = run_part(&runs, part, self.folder, self.interrupts, &mut after)?;
            self.done = last;
            if let Some(signal) = signal {
                return Ok(Stopped::Interrupted(signal));
            }
        }
    }

    /// What the pairs until now come to; nothing before the first.
    fn comparison(&self) -> Option<Comparison> {
        Results::read(self.folder, self.scenarios).ok()?.comparison
    }
}

/// Whether the metric that decides depends on the host, and others took too much of that in the
/// first pairs already.
fn is_too_busy(comparison: &Comparison, sides: &Sides, args: &CompareArgs) -> bool {
    let hopeless = comparison
        .pairs
        .iter()
        .filter(|pair| pair.disturbed.is_some() && pair.times == Times::LeftOut);
    let all = comparison.pairs.len() >= BUSY_PAIRS && hopeless.count() == comparison.pairs.len();
    let primary = args.metric.first().map_or(sides.scenario.primary, String::as_str);
    let known = registry(Some(sides.scenario));
    let unit =
        known.iter().find(|metric| metric.name == primary).map_or("us", |metric| metric.unit);
    all && depends_on_host(unit)
}

/// Both runs of the first pair, before first.
fn first_pair(planned: &[Planned]) -> Vec<Planned> {
    let mut first: Vec<Planned> = planned.iter().take(2).cloned().collect();
    first.sort_by_key(|run| run.purpose.pair().map(|pair| pair.side == Side::B));
    first
}

/// The profilers that look into both sides once the pairs are done. Unless some are named, there
/// are none where their runs would take more than half as long as the first pairs: a quick
/// comparison stays quick.
fn profilers(args: &CompareArgs, planned: &[Planned]) -> Vec<Profiler> {
    if let Some(named) = &args.profile {
        return named.0.clone();
    }
    let first_look = looks(args).first().map_or(0, |pairs| 2 * pairs);
    let profiled = plan::profiles(
        &first_pair(planned),
        &Profiler::DEFAULT,
        args.timeout,
        Some(&plan::Times::new()),
    );
    let (profiling, comparing) = (load_time(&profiled), load_time(&planned[..first_look]));
    if profiling.is_zero() || 2 * profiling < comparing {
        Profiler::DEFAULT.into()
    } else {
        Vec::new()
    }
}

fn load_time(runs: &[Planned]) -> Duration {
    runs.iter().map(|run| run.load.warmup() + run.load.duration()).sum()
}

/// Refuses a metric that neither the lab nor the scenario has, and names the nearest.
fn check_metrics(scenario: &'static Scenario, named: &[String]) -> anyhow::Result<()> {
    let known = registry(Some(scenario));
    for name in named {
        if !known.iter().any(|metric| metric.name == name) {
            let likeness =
                |metric: &&Metric| (strsim::jaro_winkler(metric.name, name) * 1e6) as u64;
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
    let b = variant(
        scenario,
        args.after.as_deref(),
        if args.null || two_loads { a.kind } else { Kind::Fixed },
    )?;
    let b = if args.after.is_none() && (args.null || two_loads) { a } else { b };
    match (a.name == b.name, args.null || two_loads) {
        (true, false) => Err(UsageError::error(format!(
            "{0} against {0} measures only the noise of this machine: try --null for that",
            a.name
        ))),
        (false, true) => Err(UsageError::error(
            "--null, --load-a and --load-b take one variant: leave the second one out",
        )),
        _ => {
            let of =
                [side(scenario, a, args, &args.load_a)?, side(scenario, b, args, &args.load_b)?];
            Ok(Sides { scenario, of, metrics: args.metric.clone(), interim: args.looks })
        }
    }
}

pub(crate) fn variant(
    scenario: &'static Scenario,
    name: Option<&str>,
    kind: Kind,
) -> anyhow::Result<&'static Variant> {
    let missing =
        || UsageError::error(format!("{} has no {kind} variant: see lab list", scenario.name));
    name.map_or_else(
        || scenario.first(kind).ok_or_else(missing),
        |name| plan::named(scenario, name),
    )
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
    let label =
        two_loads.then(|| own.as_ref().map_or_else(|| "as it is".into(), |own| own.text.clone()));
    Ok(OneSide { variant, load: load(scenario, &load_args)?, label })
}

/// How many pairs are wanted at each interim look, or at the only one.
fn looks(args: &CompareArgs) -> Vec<usize> {
    if args.looks {
        POCOCK.iter().map(|look| look.pairs).collect()
    } else {
        vec![args.pairs.unwrap_or(8)]
    }
}

fn most_pairs(args: &CompareArgs) -> usize {
    looks(args).last().copied().unwrap_or(0)
}

/// The pairs of all looks, if none has to be replaced.
pub(crate) fn planned(args: &CompareArgs, sides: &Sides) -> Vec<Planned> {
    let mut all = Vec::new();
    let mut done = 0;
    for wanted in looks(args) {
        all.extend(plan::pairs(sides, done + 1, wanted, wanted, args.timeout));
        done = wanted;
    }
    all
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
        (Ok(report), Some(signal)) if report.comparison.is_none() => {
            return Ok(interrupted(folder, signal));
        }
        (Err(_), Some(signal)) => return Ok(interrupted(folder, signal)),
        (read, _) => read?,
    };
    draw(&report);
    let page = page::write_all(&report);
    let exit = show(&report, page.as_deref(), scenarios, args.record.format, style, args.strict)?;
    let Some(signal) = signal else { return Ok(exit) };
    exit::say(&format!(
        "interrupted: the result covers the pairs until then, in {}",
        folder.display()
    ));
    Ok(Exit::Interrupted(signal))
}
