//! `lab compare`: two variants as pairs of fresh processes, and what the pairs say about every metric.

use super::execute::{interrupted, invocation_folder, print_plan, run_all};
use super::load::{check, check_stall, load};
use super::show;
use crate::cli::CompareArgs;
use crate::compare::comparison::Comparison;
use crate::compare::verdict::{Change, POCOCK};
use crate::exit::{self, Exit, UsageError};
use crate::plan::{self, Planned, Sides};
use crate::report::{Report, Style};
use crate::supervise::Interrupts;
use lab_kit::{Kind, Load, Scenario, Variant};
use std::path::Path;

pub(crate) fn run(args: &CompareArgs, plain: bool, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let scenario = plan::scenario(scenarios, &args.scenario)?;
    let sides = sides(scenario, args)?;
    let load = load(scenario, &args.load)?;
    check(scenario, &load)?;
    let batches = batches(args, sides, &load);
    check_stall(&batches.concat())?;
    if args.dry_run {
        return print_plan(&batches.concat(), args.format);
    }
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.out, &format!("{}-compare", scenario.name))?;
    for batch in batches {
        if let Some(signal) = run_all(&batch, &folder, &interrupts)? {
            return so_far(&folder, signal, args, plain, scenarios);
        }
        if Report::read(&folder, scenarios)?.comparison.is_some_and(|comparison| is_decided(&comparison)) {
            break;
        }
    }
    show(&Report::read(&folder, scenarios)?, scenarios, args.format, Style { plain })
}

/// The two variants, if they can be compared.
fn sides(scenario: &'static Scenario, args: &CompareArgs) -> anyhow::Result<Sides> {
    let or_first = |name: &Option<String>, kind: Kind| -> anyhow::Result<&'static Variant> {
        let missing = || UsageError::error(format!("{} has no {kind} variant: see lab list", scenario.name));
        name.as_deref().map_or_else(|| scenario.first(kind).ok_or_else(missing), |name| plan::named(scenario, name))
    };
    let a = or_first(&args.before, Kind::Buggy)?;
    let b = or_first(&args.after, if args.null { a.kind } else { Kind::Fixed })?;
    let same = a.name == b.name;
    match (same, args.null) {
        (true, false) => Err(UsageError::error(format!(
            "{0} against {0} shows the machine and no change: try --null if that is what you want",
            a.name
        ))),
        (false, true) => Err(UsageError::error("--null compares a variant with itself: leave the second one away")),
        _ => Ok(Sides { scenario, a, b }),
    }
}

/// The pairs, up to each look.
fn batches(args: &CompareArgs, sides: Sides, load: &Load) -> Vec<Vec<Planned>> {
    let ends: Vec<usize> = if args.looks { POCOCK.iter().map(|look| look.pairs).collect() } else { vec![args.pairs] };
    let begins = std::iter::once(0).chain(ends.iter().copied());
    let look = |(done, end): (usize, usize)| {
        let runs = plan::pairs(sides, load, done + 1, end, args.timeout);
        runs.into_iter().map(|run| Planned { looks: args.looks, ..run }).collect()
    };
    begins.zip(ends.iter().copied()).map(look).collect()
}

/// Whether more pairs would only cost time.
fn is_decided(comparison: &Comparison) -> bool {
    comparison.change() != Change::Inconclusive
}

/// The comparison of the pairs that were done before an interrupt.
fn so_far(
    folder: &Path,
    signal: i32,
    args: &CompareArgs,
    plain: bool,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    match Report::read(folder, scenarios) {
        Ok(report) if report.comparison.is_some() => {
            show(&report, scenarios, args.format, Style { plain })?;
            exit::say(&format!("interrupted: this is what the pairs until then show, in {}", folder.display()));
            Ok(Exit::Interrupted(signal))
        }
        _ => Ok(interrupted(folder, signal)),
    }
}
