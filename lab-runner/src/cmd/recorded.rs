//! `lab compare` of two recordings that were made earlier: nothing is run and nothing is written.

use crate::cli::{CompareArgs, LoadArgs};
use crate::cmd::show;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use lab_recording::pack;
use std::path::{Path, PathBuf};

/// Two recordings, and the scenario named for them.
#[derive(Debug)]
pub(crate) struct Recordings {
    scenario: Option<String>,
    folders: [PathBuf; 2],
}

/// What was named, if it is two folders: `lab compare RUN RUN`, or `lab compare greedy RUN RUN`.
pub(crate) fn sides(args: &CompareArgs) -> anyhow::Result<Option<Recordings>> {
    let is_folder =
        |name: &&String| Path::new(name).is_dir() || pack::packed_path(Path::new(name)).is_some();
    let named = [Some(&args.scenario), args.before.as_ref(), args.after.as_ref()];
    if let Some(missing) =
        named.into_iter().flatten().find(|name| name.contains('/') && !is_folder(name))
    {
        let next = "name two recordings, or a scenario and its variants";
        return Err(UsageError::error(format!("there is no recording '{missing}': {next}")));
    }
    let folders: Vec<PathBuf> =
        named.into_iter().flatten().filter(is_folder).map(PathBuf::from).collect();
    let scenario = Some(&args.scenario).filter(|name| !is_folder(name)).cloned();
    // A folder may be called like a scenario, and variants decide what is meant.
    let rest = named.into_iter().flatten().count() - usize::from(scenario.is_some());
    let folders: Option<[PathBuf; 2]> = folders.try_into().ok();
    Ok(folders.filter(|_| rest == 2).map(|folders| Recordings { scenario, folders }))
}

pub(crate) fn compare(
    recordings: &Recordings,
    args: &CompareArgs,
    style: Style,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    refuse_what_is_for_runs(args)?;
    let [before, after] = &recordings.folders;
    let report = Results::of_two([before, after], &args.metric, scenarios);
    let report = report.map_err(|error| UsageError::error(format!("{error:#}")))?;
    let recorded = &report.spec.scenario;
    if let Some(scenario) = recordings.scenario.as_ref().filter(|scenario| *scenario != recorded) {
        return Err(UsageError::error(format!(
            "these are recordings of {recorded}, not of {scenario}"
        )));
    }
    show(&report, None, scenarios, args.record.format, style, args.strict)
}

/// A recording has the load that it has.
fn refuse_what_is_for_runs(args: &CompareArgs) -> anyhow::Result<()> {
    let given = [
        ("--pairs", args.pairs.is_some()),
        ("--looks", args.looks),
        ("--null", args.null),
        ("--load-a", args.load_a.is_some()),
        ("--load-b", args.load_b.is_some()),
        ("--timeout", args.timeout.is_some()),
        ("--profile", args.profile.is_some()),
        ("--dry-run", args.record.dry_run),
        ("the options of a load", args.load != LoadArgs::default()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(UsageError::error(format!(
            "recordings have their load already: leave {option} away, or name variants"
        ))),
        None => Ok(()),
    }
}
