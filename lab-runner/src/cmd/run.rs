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
use crate::engine::plan::Which;
use crate::engine::supervise::Interrupts;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use lab_recording::profiler::Profiler;

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
        profile(&profiles, &folder, &interrupts, args.record.raw_logs())
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
