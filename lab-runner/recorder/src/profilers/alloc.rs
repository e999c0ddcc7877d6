//! The profiler `alloc` in the child: starts the parts that this binary supports, and notes the
//! reason for each missing one.

use crate::alloc::churn::{Churn, price_of_a_sample};
use crate::alloc::jemalloc;
use crate::alloc::memory::{MemoryThread, Readings};
use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::price::Priced;
use lab_recording::alloc::{AT_LOAD_END, FIRST_HEAP, HEAP};
use lab_recording::profiler::ProfilerStatus;
use std::path::Path;
use std::sync::Arc;

/// Event on the threads of the program: a sampled allocation.
const DRAWN: &str = "drawn allocation";

/// The running parts of the profiler.
#[derive(Default)]
pub struct AllocProfiler {
    churn: Option<Arc<Churn>>,
    live: bool,
    memory: Option<MemoryThread>,
    /// Whether the load has ended: what comes after is no part of it.
    load_ended: bool,
    /// Whether [`HEAP`] was written when the load ended.
    dumped_at_load_end: bool,
    /// Allocated bytes at moments of the run, by the names of their counts.
    held: Vec<(&'static str, u64)>,
    notes: Vec<String>,
}

impl Instrument for AllocProfiler {
    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.note_held("held_bytes_at_start");
        let readings = Readings::new(folder);
        let (churn, live) = (Churn::start(folder), jemalloc::start());
        if let (Err(churn), Err(live)) = (&churn, &live) {
            return Err(no_allocator(churn, live));
        }
        self.live = self.or_note("live", live).is_some();
        self.churn = self.or_note("churn", churn).map(Arc::new);
        let memory = MemoryThread::start(readings, self.churn.clone());
        self.memory = self.or_note("memory over time", memory);
        Ok(())
    }

    fn first_part_ends(&mut self, folder: &Path) {
        if !self.load_ended {
            self.note_held("held_bytes_after_first_part");
            self.dump(&folder.join(FIRST_HEAP));
        }
    }

    fn load_ends(&mut self, folder: &Path) {
        if !self.load_ended {
            self.load_ended = true;
            self.note_held("held_bytes_at_load_end");
            self.dumped_at_load_end = self.dump(&folder.join(HEAP));
        }
    }

    fn threads(&self) -> Vec<&'static str> {
        self.memory.iter().map(|_| "lab-alloc").collect()
    }

    fn prices(&mut self, _hooks: &Hooks, folder: &Path) -> Vec<Priced> {
        let counts = lab_kit::alloc::totals().is_some();
        let drawn = counts.then(|| (DRAWN, price_of_a_sample(folder)));
        let held = "jemalloc reports how many samples it holds, not how many it took".to_owned();
        drawn
            .into_iter()
            .chain(jemalloc::is_here().then_some(("heap profile", Err(held))))
            .collect()
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        vec![(DRAWN, lab_kit::alloc::samples_taken())]
    }

    fn stop(&mut self, folder: &Path) -> anyhow::Result<ProfilerStatus> {
        self.churn.iter().for_each(|churn| churn.stop());
        self.memory.take().into_iter().for_each(MemoryThread::stop);
        self.note_held("held_bytes_at_end");
        let peak = lab_kit::alloc::peak_bytes().map(|bytes| ("peak_bytes", bytes));
        let at_load_end = (AT_LOAD_END, u64::from(self.dumped_at_load_end));
        if !self.dumped_at_load_end {
            self.dump(&folder.join(HEAP));
        }
        let counts = self.held.drain(..).chain(peak).chain(self.live.then_some(at_load_end));
        let counts = counts.map(|(name, count)| (name.to_owned(), count)).collect();
        let notes = std::mem::take(&mut self.notes);
        Ok(ProfilerStatus { counts, notes, ..ProfilerStatus::default() })
    }
}

impl AllocProfiler {
    /// Notes how many bytes are allocated now, if the allocator counts.
    fn note_held(&mut self, name: &'static str) {
        self.held.extend(lab_kit::alloc::held_bytes().map(|bytes| (name, bytes)));
    }

    /// Writes jemalloc's heap profile, if it is there. Returns whether it did; an error is noted.
    fn dump(&mut self, to: &Path) -> bool {
        let dumped = self.live.then(|| jemalloc::dump(to));
        if let Some(Err(error)) = &dumped {
            self.notes
                .push(format!("live: the heap profile of jemalloc cannot be read: {error:#}"));
        }
        matches!(dumped, Some(Ok(())))
    }

    /// The started part; after an error a note with the reason.
    fn or_note<T>(&mut self, part: &str, started: Result<T, String>) -> Option<T> {
        started.map_err(|reason| self.notes.push(format!("{part}: not available: {reason}"))).ok()
    }
}

/// The error of a binary that supports neither part, with a remedy.
fn no_allocator(churn: &str, live: &str) -> String {
    if lab_kit::alloc::totals().is_some() {
        return format!("{churn}; {live}");
    }
    "neither a counting allocator nor jemalloc in this binary: add \
     `#[global_allocator] static A: lab_kit::alloc::Counting = \
     lab_kit::alloc::Counting::over(std::alloc::System);`"
        .to_owned()
}
