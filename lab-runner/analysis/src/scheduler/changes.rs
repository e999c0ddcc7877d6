//! What the way back has to take into account beside events: threads without a core, and events
//! that are missing.

use crate::scheduler::cores::Window;
use crate::scheduler::survey::Survey;
use lab_recording::scheduler::Known;

/// Something that is another at some moment, seen backward.
#[derive(Clone, Copy)]
pub struct Change {
    pub at: u64,
    pub worker: usize,
    pub to: WorkerChange,
}

/// What becomes of a worker.
#[derive(Clone, Copy)]
pub enum WorkerChange {
    /// The part of its time awake in which the worker waits for a core.
    Starved(f64),
    /// Its events are missing.
    Missing,
    /// They are there.
    Recorded,
}

/// What changes beside events, the latest first.
pub fn changes(windows: &[Window], survey: &Survey, known: &Known) -> Vec<Change> {
    let starved = windows.iter().rev().filter(|window| window.part() > 0.0).flat_map(|window| {
        let change =
            |at, part| Change { at, worker: window.worker, to: WorkerChange::Starved(part) };
        [change(window.until, window.part()), change(window.from, 0.0)]
    });
    let missing = survey.missing.iter().flat_map(|(worker, from, until)| {
        let change = |at: &u64, to| Change { at: *at, worker: *worker, to };
        [change(until, WorkerChange::Missing), change(from, WorkerChange::Recorded)]
    });
    let workers = 0..survey.crew.of.len();
    let before =
        workers.map(|worker| Change { at: known.from_ns, worker, to: WorkerChange::Missing });
    let mut all: Vec<Change> = starved.chain(missing).chain(before).collect();
    all.sort_by_key(|change| std::cmp::Reverse(change.at));
    all
}
