//! From a score's folder to what it comes to.

use crate::engine::plan;
use crate::exit::UsageError;
use lab_analysis::diagnosis::{Case, Diagnosis, diagnose};
use lab_analysis::profile;
use lab_analysis::requests::analyse;
use lab_analysis::score::{Answer, Cell, Judged, Recorded, Run, Score, named, of_truth, parse};
use lab_kit::Scenario;
use lab_recording::folder;
use lab_recording::profiler::Profiler;
use std::fs;
use std::path::Path;

/// Writes down what there is, whole or not at all.
pub(crate) fn write(folder: &Path, recorded: &Recorded) -> anyhow::Result<()> {
    lab_recording::file::replace(
        &folder.join(Recorded::FILE),
        &serde_json::to_vec_pretty(recorded)?,
    )
}

/// What was run for a score.
///
/// # Errors
/// If the folder is not a score's, or a newer lab made it.
pub(crate) fn recorded(folder: &Path) -> anyhow::Result<Recorded> {
    let shown = folder.display();
    let refused = |why: String| {
        UsageError::error(format!("{shown} holds no score: {why}: lab score makes one"))
    };
    let text = fs::read(folder.join(Recorded::FILE)).map_err(|error| refused(error.to_string()))?;
    let recorded: Recorded =
        serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    if recorded.format > Recorded::FORMAT {
        return Err(UsageError::error(format!(
            "{shown} was recorded by a newer lab: use that one"
        )));
    }
    Ok(recorded)
}

/// The diagnosis of a run, from its folder: none if there is no recording.
pub(crate) fn diagnosis(cell: &Path) -> Option<Diagnosis> {
    let profiles = profile::read_all(cell);
    let first = profiles.iter().find(|profile| profile.profiler == Profiler::Sched)?;
    // Nothing was measured without a profiler: what the profiler's own run took is all that is
    // known.
    let measured = analyse(folder::open(&first.folder).ok()?);
    Some(diagnose(&Case {
        measured: Some(&measured),
        profiles: &profiles,
        post_mortem: first.post_mortem.as_ref(),
        panics: &first.panics,
        // What is known of a scenario's crate is taken from its answers, and no part of those may
        // get into a diagnosis.
        own_crate: None,
    }))
}

/// Diagnoses all recordings, and judges that.
///
/// # Errors
/// If this lab does not have a scenario or a variant of them.
pub(crate) fn score(
    folder: &Path,
    recorded: Recorded,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Score> {
    let runs = recorded.cells.iter().map(|cell| run(folder, cell, scenarios));
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect();
    Ok(Score { recorded, runs })
}

fn run(folder: &Path, cell: &Cell, scenarios: &[&'static Scenario]) -> anyhow::Result<Option<Run>> {
    let scenario = plan::scenario(scenarios, &cell.scenario)?;
    let truth: Option<Answer> = plan::named(scenario, &cell.variant)?.truth.as_ref().map(of_truth);
    let Some(diagnosis) = diagnosis(&folder.join(&cell.folder)) else { return Ok(None) };
    let said = named(&diagnosis);
    let judged = Judged::of(truth.as_ref(), &said);
    let other = cell.scanner.as_ref().map(|line| Judged::of(truth.as_ref(), &parse(line)));
    Ok(Some(Run { cell: cell.clone(), truth, said, judged, other }))
}
