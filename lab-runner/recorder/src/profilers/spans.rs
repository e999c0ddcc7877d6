//! The spans of a run as a profiler: in the child they are added up, in the parent they become
//! files.

use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::keeper::Keeper;
use crate::price::{Priced, price};
use crate::spans::fold::{Fold, Sums};
use crate::spans::follow::{Follow, Known};
use lab_recording::profiler::ProfilerStatus;
use lab_recording::spans::Raw;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tracing_flame::FlameLayer;
use tracing_subscriber::layer::SubscriberExt;

/// What is done on the threads of the program.
const MADE: &str = "span made";
const ENTERED: &str = "span entered";
/// Spans of a block whose cost is measured.
const SPANS: u32 = 100;

/// The subscriber, in the child.
pub(crate) struct SpansProfiler {
    seen: Seen,
    subscribed: Result<(), String>,
    keeper: Option<Keeper>,
}

impl SpansProfiler {
    /// Subscribes at once, for a span that is made before stays off for good. Nothing counts before
    /// the profiler is started.
    pub fn new() -> SpansProfiler {
        let seen = Seen::default();
        let subscribed = seen.subscribe();
        SpansProfiler { seen, subscribed, keeper: None }
    }
}

impl Instrument for SpansProfiler {
    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.subscribed.clone()?;
        self.seen.looking.store(true, Ordering::Relaxed);
        let (seen, begin, folder) = (self.seen.clone(), Instant::now(), folder.to_owned());
        self.keeper =
            Some(Keeper::start("lab-spans", move |last| seen.raw(begin, last).write(&folder))?);
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        vec!["lab-spans"]
    }

    fn prices(&mut self, _hooks: &Hooks, _folder: &Path) -> Vec<Priced> {
        match &self.subscribed {
            Ok(()) => self.seen.prices(),
            Err(why) => vec![(ENTERED, Err(why.clone()))],
        }
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        let known = self.seen.known.lock().unwrap_or_else(PoisonError::into_inner);
        vec![(MADE, known.made), (ENTERED, known.entered)]
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<ProfilerStatus> {
        if let Some(keeper) = self.keeper.take() {
            keeper.stop()?;
        }
        self.seen.looking.store(false, Ordering::Relaxed);
        // What was counted is in its file, and the parent reads that.
        Ok(ProfilerStatus::default())
    }
}

/// What the layers know.
#[derive(Clone, Default)]
struct Seen {
    looking: Arc<AtomicBool>,
    sums: Arc<Mutex<Sums>>,
    known: Arc<Mutex<Known>>,
}

impl Seen {
    fn subscribe(&self) -> Result<(), String> {
        let fold = Fold::new(Arc::clone(&self.looking), Arc::clone(&self.sums));
        // What runs in no span is not looked at; threads and places are left out, so that variants
        // can be compared.
        let flame = FlameLayer::new(fold).with_empty_samples(false).with_threads_collapsed(true);
        let flame = flame.with_module_path(false).with_file_and_line(false);
        let follow = Follow::new(Arc::clone(&self.looking), Arc::clone(&self.known));
        let subscriber = tracing_subscriber::registry().with(flame).with(follow);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| {
            "the scenario sets a tracing subscriber: remove it, a process can have only one".into()
        })
    }

    /// What a span takes that is made, and one each time that it is entered: both by spans of
    /// nobody in a span of nobody, as if somebody looked. What was seen of them is thrown away.
    fn prices(&self) -> Vec<Priced> {
        self.looking.store(true, Ordering::Relaxed);
        let outer = tracing::info_span!("price");
        let made = price(
            SPANS,
            || (),
            |_| (0..SPANS).for_each(|id| drop(tracing::info_span!(parent: &outer, "made", id))),
        );
        let inner = tracing::info_span!(parent: &outer, "entered", id = 0_u32);
        let entered = outer
            .in_scope(|| price(SPANS, || (), |_| (0..SPANS).for_each(|_| inner.in_scope(|| ()))));
        drop((inner, outer));
        self.looking.store(false, Ordering::Relaxed);
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = Sums::default();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Known::default();
        vec![(MADE, Ok(made)), (ENTERED, Ok(entered))]
    }

    fn raw(&self, begin: Instant, stopped: bool) -> Raw {
        let (stacks, left_out) = self.sums.lock().unwrap_or_else(PoisonError::into_inner).told();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (slow, followed) = known.slow(now);
        Raw {
            stopped,
            wall_ns: (now - begin).as_nanos() as u64,
            stacks,
            left_out,
            inside: known.inside(now),
            slow_is_open: slow.as_ref().is_some_and(|slow| slow.open),
            slow: slow.map(|slow| slow.request),
            followed,
        }
    }
}
