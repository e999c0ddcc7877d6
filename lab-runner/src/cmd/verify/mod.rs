//! `lab verify`: checks every claim of every variant with reduced loads.

pub(crate) mod text;

use crate::cli::{Format, VerifyArgs};
use crate::cmd::dry_run::print_plan;
use crate::cmd::exit_code;
use crate::cmd::load::check;
use crate::cmd::profile::profile;
use crate::cmd::verify::text::{AGAIN, Verified, print, result};
use crate::engine::execute::{batch_times, interrupted, invocation_folder, run_all};
use crate::engine::plan;
use crate::engine::plan::{Planned, Sizes, Which};
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::report::{Style, ledger};
use lab_analysis::claims::Verdict;
use lab_analysis::results::Results;
use lab_kit::{Measure, Scenario, Variant};
use lab_recording::Kind;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) fn run(
    args: &VerifyArgs,
    plain: bool,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    let begin = Instant::now();
    let chosen = chosen(args, scenarios)?;
    let plans = chosen
        .iter()
        .map(|scenario| Ok((*scenario, brief(scenario)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if args.record.dry_run {
        return print_plan(
            &plans.into_iter().flat_map(|(_, runs)| runs).collect::<Vec<_>>(),
            args.record.format,
        );
    }
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.record.out, "verify")?;
    let mut verified = Vec::new();
    for (number, (scenario, runs)) in plans.iter().enumerate() {
        let into = folder.join(format!("{}-{}", number + 1, scenario.name));
        if let Some(signal) = run_and_profile(runs, &into, &interrupts, args)? {
            return Ok(interrupted(&folder, signal));
        }
        let report = Results::read(&into, scenarios)?;
        let again = suspects(scenario, &report, runs);
        let confirmed = folder.join(format!("{}-{}{AGAIN}", number + 1, scenario.name));
        if let Some(signal) = run_and_profile(&again, &confirmed, &interrupts, args)? {
            return Ok(interrupted(&folder, signal));
        }
        let again =
            if again.is_empty() { None } else { Some(Results::read(&confirmed, scenarios)?) };
        verified.push(Verified { report, again });
    }
    show(
        &verified,
        scenarios,
        &folder,
        Some(begin.elapsed()),
        args.record.format,
        Style::new(plain),
        args.strict,
    )
}

/// Does the runs, and then profiles those with claims about profiles.
fn run_and_profile(
    runs: &[Planned],
    into: &Path,
    interrupts: &Interrupts,
    args: &VerifyArgs,
) -> anyhow::Result<Option<i32>> {
    if let Some(signal) = run_all(runs, into, interrupts)? {
        return Ok(Some(signal));
    }
    let profiled = plan::claimed(runs, Some(&batch_times(into)));
    Ok(profile(&profiled, into, interrupts, args.record.raw_logs()))
}

fn chosen(
    args: &VerifyArgs,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Vec<&'static Scenario>> {
    if args.scenarios.is_empty() {
        return Ok(scenarios.to_vec());
    }
    args.scenarios.iter().map(|name| plan::scenario(scenarios, name)).collect()
}

/// Every run that the scenario's claims need, under its brief load.
fn brief(scenario: &'static Scenario) -> anyhow::Result<Vec<Planned>> {
    let load = scenario.brief_load();
    check(scenario, &load)?;
    let mut runs = plan::plan(scenario, Which::All, &load, None)?;
    let (timed, counted): (Vec<_>, Vec<_>) =
        plan::growing_variants(scenario).unwrap_or_default().into_iter().partition(by_time);
    // Counts tell at sizes that are too small for time to tell.
    for (variants, smallest, repetitions) in
        [(timed, load.size / 4, 5), (counted, load.size / 8, 3)]
    {
        let all = Sizes { smallest, count: Sizes::COUNT }.all();
        let all = all.ok_or_else(|| UsageError::error("the sizes of this scenario overflow"))?;
        runs.extend(plan::sweep(scenario, &variants, &load, &all, repetitions, None));
    }
    Ok(runs)
}

/// Whether a variant claims how a time grows.
fn by_time(variant: &&'static Variant) -> bool {
    variant.claims.iter().any(|claim| match claim.measure {
        Measure::Exponent(metric) | Measure::ExponentUpTo { metric, .. } => metric.ends_with("_ms"),
        _ => false,
    })
}

/// The runs that claims which broke are judged from: to be done once more, in new processes, before
/// anybody is told that a claim is broken.
fn suspects(scenario: &Scenario, report: &Results, runs: &[Planned]) -> Vec<Planned> {
    let fixed = scenario.first(Kind::Fixed).map(|fixed| fixed.name);
    let mut names: Vec<&str> = Vec::new();
    for control in report.controls.iter().filter(|control| control.verdict() == Verdict::Broken) {
        names.push(control.trap);
        names.extend(fixed);
        names.extend(control.on_trap.claim.compares_with());
    }
    for (variant, claim) in report.claims().filter(|(_, claim)| claim.verdict == Verdict::Broken) {
        names.push(scenario.variant(variant).map_or(variant, |variant| variant.name));
        names.extend(claim.claim.compares_with());
    }
    runs.iter().filter(|run| names.contains(&run.variant.name)).cloned().collect()
}

/// Prints what was verified and turns it into an exit code.
pub(crate) fn show(
    verified: &[Verified],
    scenarios: &[&'static Scenario],
    folder: &Path,
    took: Option<Duration>,
    format: Format,
    style: Style,
    strict: bool,
) -> anyhow::Result<Exit> {
    let (verdict, undecided) = match format {
        Format::Json => {
            let result = result(verified);
            exit::print_json(&result)?;
            (result.verdict, result.not_measured)
        }
        Format::Ledger => {
            let reports: Vec<&Results> = verified.iter().flat_map(Verified::reports).collect();
            exit::print(|to| ledger::print(&reports, scenarios, to))?;
            summed(verified)
        }
        Format::Text => {
            exit::print(|to| print(verified, folder, took, style, to))?;
            summed(verified)
        }
    };
    Ok(exit_code(verdict, verdict == Verdict::NotMeasured, undecided, strict))
}

/// The verdict on all scenarios, and how many claims are undecided.
fn summed(verified: &[Verified]) -> (Verdict, usize) {
    let result = result(verified);
    (result.verdict, result.not_measured)
}
