//! How often a diagnosis is right, over runs whose answer is known. Pure: who runs and who diagnoses is not here.

mod judge;
mod matrix;
mod plan;
mod tally;

pub use judge::name;
pub use judge::{Answer, Judged, Judgement, named, of_truth, parse, same_place};
pub use matrix::{Column, Matrix};
pub use plan::{Cell, LeftOut, Recorded};
pub use tally::{Detect, Share, Tally};

use crate::diagnosis::Diagnosis;
use lab_recording::Cause;
use serde::Serialize;

/// One run, what is wrong with it, and what was said.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Which of the matrix it is, and where it is recorded.
    #[serde(flatten)]
    pub cell: Cell,
    /// What is wrong with it; none with a healthy one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<Answer>,
    /// What the diagnosis named, the costliest first.
    pub said: Vec<Answer>,
    /// What that is worth.
    #[serde(flatten)]
    pub judged: Judged,
    /// What the other scanner named, if one was asked.
    #[serde(skip)]
    pub other: Option<Judged>,
}

/// The score of many runs.
#[derive(Clone, Debug)]
pub struct Score {
    /// What was planned and what was left out.
    pub recorded: Recorded,
    /// The runs that could be diagnosed.
    pub runs: Vec<Run>,
}

impl Score {
    /// All runs together.
    pub fn overall(&self) -> Tally {
        Tally::of(self.runs.iter().map(|run| (&run.judged, run.cell.detected_ms)))
    }

    /// All runs as another scanner tells them; none if no other was asked.
    pub fn other(&self) -> Option<Tally> {
        self.recorded.scanner.as_ref()?;
        Some(Tally::of(self.runs.iter().filter_map(|run| Some((run.other.as_ref()?, None)))))
    }

    /// The runs by scenario, and without and with a noisy neighbour beside them.
    pub fn groups(&self) -> Vec<(String, Tally)> {
        let mut names: Vec<&str> = Vec::new();
        for run in &self.runs {
            if !names.contains(&run.cell.scenario.as_str()) {
                names.push(&run.cell.scenario);
            }
        }
        let of = |name: &str, is_in: &dyn Fn(&Cell) -> bool| {
            let runs = self.runs.iter().filter(|run| is_in(&run.cell));
            (name.to_owned(), Tally::of(runs.map(|run| (&run.judged, run.cell.detected_ms))))
        };
        let scenarios = names.iter().map(|name| of(name, &|cell| cell.scenario == *name));
        let neighbours =
            [of("without a neighbour", &|cell| !cell.neighbour), of("with a neighbour", &|cell| cell.neighbour)];
        scenarios.chain(neighbours).collect()
    }

    /// What was taken for what.
    pub fn matrix(&self) -> Matrix {
        Matrix::of(self.runs.iter().map(|run| &run.judged))
    }

    /// The runs that were not simply right.
    pub fn wrong(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| !run.judged.is_right())
    }

    /// Runs that were planned and started, and cannot be read.
    pub fn unread(&self) -> usize {
        self.recorded.cells.len() - self.runs.len()
    }
}

/// Whether a diagnosis names a cause whose place another profiler could tell: who fills a pool or keeps memory shows in what is
/// asked of the allocator.
pub fn lacks_a_place(diagnosis: &Diagnosis) -> bool {
    let lacks = |cause| matches!(cause, Cause::PoolExhausted | Cause::Leak);
    diagnosis.findings.iter().any(|finding| finding.at.is_none() && lacks(finding.cause))
}
