//! `lab run`: checks the options, plans the runs, executes them in child processes, and reports
//! from the
//! recordings.

use crate::cli::RunArgs;
use crate::cmd::dry_run::print_plan;
use crate::cmd::load::{announce_memory, check, check_stall, check_timeout, load};
use crate::cmd::profile::profile;
use crate::cmd::{console, page, show};
use crate::engine::execute::{batch_times, interrupted, invocation_folder, run_all};
use crate::engine::plan;
use crate::engine::plan::{Planned, Which};
use crate::engine::supervise::Interrupts;
use crate::exit::{self, Exit, UsageError};
use crate::report::Style;
use lab_analysis::diagnosis::Diagnosis;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use lab_recording::profiler::Profiler;
use std::path::Path;

pub(crate) fn run(
    args: &RunArgs,
    style: Style,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    let scenario = plan::scenario(scenarios, &args.scenario)?;
    let load = load(scenario, &args.load)?;
    check(scenario, &load)?;
    let runs = plan::plan(scenario, which(args), &load, args.timeout)?;
    check_timeout(&runs)?;
    check_stall(&runs)?;
    for larger in runs.iter().filter(|run| run.purpose.ratio() > 1) {
        check(scenario, &larger.load).map_err(|error| {
            let variant = larger.variant.name;
            UsageError::error(format!(
                "--all runs {variant} at {} × the size, and {error}",
                larger.purpose.ratio()
            ))
        })?;
    }
    if args.console {
        console::check()?;
    }
    let runs = args.trials.map_or_else(|| runs.clone(), |count| plan::trials(&runs, count));
    if args.record.dry_run {
        return print_plan(&runs, args.record.format);
    }
    announce_memory(&load);
    let interrupts = Interrupts::catch()?;
    let folder = invocation_folder(&args.record.out, scenario.name)?;
    let measured = run_all(&runs, &folder, &interrupts)?;
    let looked = || {
        let times = batch_times(&folder);
        let profiles = plan::profiles(&runs, &profilers(args), args.timeout, Some(&times));
        profile_until_shown(&profiles, &folder, &interrupts, args, scenarios)
    };
    let watched = || args.console.then(|| console::watch(&runs, &folder, &interrupts)).flatten();
    match measured.or_else(looked).or_else(watched) {
        Some(signal) => Ok(interrupted(&folder, signal)),
        None => {
            let report = Results::read(&folder, scenarios)?;
            let page = page::write_all(&report);
            if args.console {
                console::print_overhead(&report);
            }
            show(
                &report,
                page.as_deref(),
                scenarios,
                args.record.format,
                Style { naive: args.naive, ..style },
                args.strict,
            )
        }
    }
}

/// How often a profiled run is repeated that did not show what the measured run showed.
const REPEATS: usize = 2;

/// Does the profiled runs, and those again in which the slow or unanswered requests of the measured
/// run did not show while nothing was found: a fault may occur by chance. Returns the signal that
/// interrupted.
fn profile_until_shown(
    profiles: &[Planned],
    folder: &Path,
    interrupts: &Interrupts,
    args: &RunArgs,
    scenarios: &[&'static Scenario],
) -> Option<i32> {
    let mut left = profiles.to_vec();
    for repeat in 0..=REPEATS {
        if let Some(signal) = profile(&left, folder, interrupts, args.record.raw_logs()) {
            return Some(signal);
        }
        let report = Results::read(folder, scenarios).ok()?;
        left.retain(|run| did_not_show(&report, run));
        if left.is_empty() || repeat == REPEATS {
            break;
        }
        for run in &left {
            let (profiler, variant) = (run.purpose.profiler()?, run.variant.name);
            exit::say(&format!(
                "note: the symptoms of {variant} did not show in its {profiler} run, which is repeated"
            ));
            remove(&report, run);
        }
    }
    None
}

/// Whether nothing was found in a variant, and a profiled run of it lacks the symptoms of the
/// measured run.
fn did_not_show(report: &Results, run: &Planned) -> bool {
    let diagnosed = report.diagnoses.iter().find(|of| of.variant == run.variant.name);
    let lacks = |diagnosis: &Diagnosis| {
        let profiler = run.purpose.profiler();
        profiler.is_some_and(|profiler| diagnosis.without_symptoms.contains(&profiler))
    };
    diagnosed.is_some_and(|of| of.diagnosis.findings.is_empty() && lacks(&of.diagnosis))
}

/// Removes the recording of a profiled run, in whose place another one comes.
fn remove(report: &Results, run: &Planned) {
    let its = report.profiles.iter().filter(|profile| {
        profile.spec.variant == run.variant.name && Some(profile.profiler) == run.purpose.profiler()
    });
    for profile in its {
        if let Err(error) = std::fs::remove_dir_all(&profile.folder) {
            exit::say(&format!("warning: cannot remove {}: {error}", profile.folder.display()));
        }
    }
}

/// What looks into the runs. Many runs are measured to be compared with each other; looking into
/// all of them takes several times as long, and is done when it is asked for.
fn profilers(args: &RunArgs) -> Vec<Profiler> {
    let many = args.all || args.trials.is_some();
    let default = if many { Vec::new() } else { Profiler::DEFAULT.into() };
    args.profile.as_ref().map_or(default, |profilers| profilers.0.clone())
}

fn which(args: &RunArgs) -> Which<'_> {
    match &args.variant {
        Some(name) => Which::Named(name),
        None if args.all => Which::All,
        None if args.fixed => Which::Fixed,
        None => Which::Buggy,
    }
}
