//! How often a diagnosis is right, over runs whose true cause is known. Pure: it starts no run and
//! diagnoses nothing.

mod judge;
mod matrix;
mod plan;
mod tally;

pub use judge::name;
pub use judge::{Answer, CRASHED, Judged, Judgement, answers, parse, same_function, true_answer};
pub use matrix::{Column, Matrix};
pub use plan::{Cell, LeftOut, Recorded};
pub use tally::{DetectionTime, Share, Tally};

use crate::diagnosis::{Diagnosis, Finding};
use lab_recording::Cause;
use serde::Serialize;

/// One run, its true cause, and the causes that were named.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Which of the matrix it is, and where it is recorded.
    #[serde(flatten)]
    pub cell: Cell,
    /// Its true cause; none for a healthy run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<Answer>,
    /// Causes that the diagnosis named, the costliest first.
    pub findings: Vec<Answer>,
    /// The outcome.
    #[serde(flatten)]
    pub judged: Judged,
    /// The same of the other scanner, if one was run.
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
        Tally::from_runs(self.runs.iter().map(|run| (&run.judged, run.cell.detected_ms)))
    }

    /// The same of another scanner; none if no other was run.
    pub fn other(&self) -> Option<Tally> {
        self.recorded.scanner.as_ref()?;
        Some(Tally::from_runs(self.runs.iter().filter_map(|run| Some((run.other.as_ref()?, None)))))
    }

    /// What was taken for what by the other scanner, over the runs that it was given.
    pub fn other_matrix(&self) -> Matrix {
        Matrix::from_runs(self.runs.iter().filter_map(|run| run.other.as_ref()))
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
            (name.to_owned(), Tally::from_runs(runs.map(|run| (&run.judged, run.cell.detected_ms))))
        };
        let scenarios = names.iter().map(|name| of(name, &|cell| cell.scenario == *name));
        let neighbours = [
            of("without a neighbour", &|cell| !cell.neighbour),
            of("with a neighbour", &|cell| cell.neighbour),
        ];
        scenarios.chain(neighbours).collect()
    }

    /// What was taken for what.
    pub fn matrix(&self) -> Matrix {
        Matrix::from_runs(self.runs.iter().map(|run| &run.judged))
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

/// Whether the allocation profiler could tell more: code that fills a pool shows in its
/// allocations, and so does code that keeps memory.
pub fn needs_the_heap(diagnosis: &Diagnosis) -> bool {
    let lacks_function =
        |finding: &Finding| finding.function.is_none() && finding.cause == Cause::PoolExhausted;
    diagnosis.memory_kept || diagnosis.findings.iter().any(lacks_function)
}
