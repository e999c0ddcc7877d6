//! The profiler in the child: starts the parts that this binary has, and reports those that it
//! lacks.

use crate::alloc::churn::{Churn, price_of_a_sample};
use crate::alloc::jemalloc;
use crate::alloc::memory::{Looks, Watch};
use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::price::Priced;
use lab_recording::alloc::HEAP;
use lab_recording::profiler::ProfilerStatus;
use std::path::Path;
use std::sync::Arc;

/// What is done on the threads of the program.
const DRAWN: &str = "drawn allocation";

/// What is at work.
#[derive(Default)]
pub struct AllocProfiler {
    churn: Option<Arc<Churn>>,
    live: bool,
    watch: Option<Watch>,
    held_before: Option<u64>,
    notes: Vec<String>,
}

impl Instrument for AllocProfiler {
    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.held_before = lab_kit::alloc::held_bytes();
        let looks = Looks::new(folder);
        let (churn, live) = (Churn::start(folder), jemalloc::start());
        if let (Err(churn), Err(live)) = (&churn, &live) {
            return Err(neither(churn, live));
        }
        self.live = self.noted("live", live).is_some();
        self.churn = self.noted("churn", churn).map(Arc::new);
        let watch = Watch::start(looks, self.churn.clone());
        self.watch = self.noted("memory over time", watch);
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        self.watch.iter().map(|_| "lab-alloc").collect()
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
        self.watch.take().into_iter().for_each(Watch::stop);
        let mut note =
            ProfilerStatus { notes: std::mem::take(&mut self.notes), ..ProfilerStatus::default() };
        let held = [
            ("held_bytes_at_start", self.held_before),
            ("held_bytes_at_end", lab_kit::alloc::held_bytes()),
        ];
        let held = held.into_iter().filter_map(|(name, bytes)| Some((name.to_owned(), bytes?)));
        note.counts.extend(held);
        note.counts
            .extend(lab_kit::alloc::peak_bytes().map(|bytes| ("peak_bytes".to_owned(), bytes)));
        if self.live
            && let Err(error) = jemalloc::dump(&folder.join(HEAP))
        {
            note.notes
                .push(format!("live: the heap profile of jemalloc cannot be read: {error:#}"));
        }
        Ok(note)
    }
}

impl AllocProfiler {
    /// What was started, or nothing and a note why.
    fn noted<T>(&mut self, what: &str, started: Result<T, String>) -> Option<T> {
        started.map_err(|why| self.notes.push(format!("{what}: not available: {why}"))).ok()
    }
}

/// What to do where there is neither half.
fn neither(churn: &str, live: &str) -> String {
    if lab_kit::alloc::totals().is_some() {
        return format!("{churn}; {live}");
    }
    "neither a counting allocator nor jemalloc in this binary: add \
     `#[global_allocator] static A: lab_kit::alloc::Counting = lab_kit::alloc::Counting::over(std::alloc::System);`"
        .to_owned()
}
