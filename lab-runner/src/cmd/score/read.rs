//! The score of a folder of recordings.

use crate::engine::plan;
use crate::exit::UsageError;
use lab_analysis::diagnosis::{Case, Diagnosis, diagnose};
use lab_analysis::profile;
use lab_analysis::requests::analyse;
use lab_analysis::score::{Answer, Cell, Judged, Recorded, Run, Score, answers, true_answer};
use lab_kit::Scenario;
use lab_recording::folder;
use lab_recording::plain_file;
use lab_recording::profiler::Profiler;
use std::collections::HashSet;
use std::path::Path;

/// Writes the plan and the progress of a score, atomically.
pub(crate) fn write(folder: &Path, recorded: &Recorded) -> anyhow::Result<()> {
    lab_recording::file::replace(
        &folder.join(Recorded::FILE),
        &serde_json::to_vec_pretty(recorded)?,
    )
}

/// The runs of a score.
///
/// # Errors
/// If the folder is not a score's, or a newer lab made it.
pub(crate) fn recorded(folder: &Path) -> anyhow::Result<Recorded> {
    let shown = folder.display();
    let no_score = |why: String| {
        UsageError::error(format!("{shown} holds no score: {why}: lab score makes one"))
    };
    let text = plain_file::read(&folder.join(Recorded::FILE), plain_file::DOCUMENT)
        .map_err(|error| no_score(error.to_string()))?;
    let recorded: Recorded =
        serde_json::from_slice(&text).map_err(|error| no_score(error.to_string()))?;
    if recorded.format > Recorded::FORMAT {
        return Err(UsageError::error(format!(
            "{shown} was recorded by a newer lab: try that one"
        )));
    }
    // Each run is read once: a list that names one a thousand times would be read for a minute.
    let mut named = HashSet::new();
    if let Some(cell) = recorded.cells.iter().find(|cell| !named.insert(&cell.folder)) {
        return Err(no_score(format!("it names the run {} twice", cell.folder)));
    }
    Ok(recorded)
}

/// The diagnosis of a run, from its folder: none if there is no recording.
pub(crate) fn diagnosis(cell: &Path) -> Option<Diagnosis> {
    let profiles = profile::read_all(cell);
    let first = profiles.iter().find(|profile| profile.profiler == Profiler::Sched)?;
    // A score has no run without a profiler: the measured run is the profiled one.
    let measured = analyse(folder::open(&first.folder).ok()?);
    Some(diagnose(&Case {
        measured: Some(&measured),
        profiles: &profiles,
        post_mortem: first.post_mortem.as_ref(),
        panics: &first.panics,
        // The crate of a scenario is known from its true answers, which a diagnosis must not see.
        own_crate: None,
    }))
}

/// Diagnoses all recordings, and judges the diagnoses.
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
    let truth: Option<Answer> =
        plan::named(scenario, &cell.variant)?.truth.as_ref().map(true_answer);
    let Some(diagnosis) = diagnosis(&folder.join(&cell.folder)) else { return Ok(None) };
    let findings = answers(&diagnosis);
    let judged = Judged::new(truth.as_ref(), &findings);
    let other = cell.scanner.as_ref().map(|line| Judged::from_line(truth.as_ref(), line));
    Ok(Some(Run { cell: cell.clone(), truth, findings, judged, other }))
}
