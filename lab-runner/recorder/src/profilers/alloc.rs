//! The profiler `alloc` in the child: starts the parts that this binary supports, and notes the
//! reason for each missing one.

use crate::alloc::churn::{Churn, price_of_a_sample};
use crate::alloc::jemalloc;
use crate::alloc::memory::{MemoryThread, Readings};
use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::price::Priced;
use lab_recording::alloc::HEAP;
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
    held_before: Option<u64>,
    notes: Vec<String>,
}

impl Instrument for AllocProfiler {
    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.held_before = lab_kit::alloc::held_bytes();
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
        let mut status =
            ProfilerStatus { notes: std::mem::take(&mut self.notes), ..ProfilerStatus::default() };
        let held = [
            ("held_bytes_at_start", self.held_before),
            ("held_bytes_at_end", lab_kit::alloc::held_bytes()),
        ];
        let held = held.into_iter().filter_map(|(name, bytes)| Some((name.to_owned(), bytes?)));
        status.counts.extend(held);
        status
            .counts
            .extend(lab_kit::alloc::peak_bytes().map(|bytes| ("peak_bytes".to_owned(), bytes)));
        if self.live
            && let Err(error) = jemalloc::dump(&folder.join(HEAP))
        {
            status
                .notes
                .push(format!("live: the heap profile of jemalloc cannot be read: {error:#}"));
        }
        Ok(status)
    }
}

impl AllocProfiler {
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
