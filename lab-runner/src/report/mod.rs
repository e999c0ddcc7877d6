//! Views of recordings: one screen of text, or one JSON document. Pure but for reading the folders.

mod chart;
mod detail;
mod json;
mod table;
mod units;

use crate::analysis::{self, Analysis};
use crate::recording;
use crate::verdict::{self, Judged, Verdict};
use anyhow::{Context, ensure};
use lab_kit::Scenario;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use json::document;

/// The runs of one invocation, analysed and judged.
#[derive(Clone, Debug)]
pub struct Report {
    /// The folder that was asked for: a run's or an invocation's.
    pub folder: PathBuf,
    /// The runs in the order in which they were done, each with its judged claims.
    pub runs: Vec<(Analysis, Vec<Judged>)>,
    /// What the claims add up to.
    pub verdict: Verdict,
}

/// How text is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Only ASCII.
    pub plain: bool,
}

impl Report {
    /// Reads and judges the run in a folder, or all runs in the folder of an invocation.
    ///
    /// # Errors
    /// If the folder holds no recording, or one that a newer lab wrote.
    pub fn read(folder: &Path, scenarios: &[&'static Scenario]) -> anyhow::Result<Report> {
        let analyses = run_folders(folder)?
            .iter()
            .map(|run| Ok(analysis::analyse(recording::open(run)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let known = |run: &Analysis| scenarios.iter().find(|known| known.name == run.recording.spec.scenario);
        let judge = |run| known(run).map(|scenario| verdict::judge(run, &analyses, scenario)).unwrap_or_default();
        let judged: Vec<_> = analyses.iter().map(judge).collect();
        let stranger = judged.iter().any(Vec::is_empty); // a scenario or variant that this binary does not have
        let verdict = if stranger { Verdict::NotMeasured } else { verdict::overall(judged.iter().flatten()) };
        Ok(Report { folder: folder.to_owned(), runs: analyses.into_iter().zip(judged).collect(), verdict })
    }

    /// Prints the text report: one run in detail, several as a table.
    ///
    /// # Errors
    /// If `to` cannot be written.
    pub fn print(&self, style: Style, to: &mut dyn Write) -> io::Result<()> {
        match &self.runs[..] {
            [(run, claims)] => detail::print(run, claims, style, to),
            runs => table::print(runs, &self.folder, style, to),
        }
    }
}

/// The runs in a folder, by name: the folder itself if it is a run's.
fn run_folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if recording::is_recording(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut runs: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|p| recording::is_recording(p)).collect();
    ensure!(!runs.is_empty(), "there is no recording in {}: lab run makes one", folder.display());
    runs.sort();
    Ok(runs)
}

/// The newest invocation in the folder that recordings go to.
pub(crate) fn newest(out: &Path) -> anyhow::Result<PathBuf> {
    let nothing = || format!("there is no recording in {}: lab run makes one", out.display());
    let invocations =
        std::fs::read_dir(out).into_iter().flatten().flatten().filter(|entry| run_folders(&entry.path()).is_ok());
    let newest = invocations.max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok());
    Ok(newest.with_context(nothing)?.path())
}
