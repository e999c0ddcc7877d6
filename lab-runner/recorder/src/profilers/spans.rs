//! The profiler `spans` in the child: it adds up the times of spans, which the parent turns into
//! views.

use crate::hooks::Hooks;
use crate::instrument::Instrument;
use crate::keeper::Keeper;
use crate::price::{Priced, price};
use crate::spans::fold::{Fold, Sums};
use crate::spans::follow::{Follow, FollowState};
use lab_recording::profiler::ProfilerStatus;
use lab_recording::spans::Raw;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tracing_flame::FlameLayer;
use tracing_subscriber::layer::SubscriberExt;

/// Events on the threads of the program: a span is created, and a span is entered and left.
const MADE: &str = "span made";
const ENTERED: &str = "span entered";
/// Number of spans in a block of a cost measurement.
const SPANS: u32 = 100;

/// The profiler `spans`.
pub(crate) struct SpansProfiler {
    state: LayerState,
    subscribed: Result<(), String>,
    keeper: Option<Keeper>,
}

impl SpansProfiler {
    /// Subscribes at once, because a span that is created without a subscriber stays disabled. The
    /// layers record nothing before the profiler starts.
    pub fn new() -> SpansProfiler {
        let state = LayerState::default();
        let subscribed = state.subscribe();
        SpansProfiler { state, subscribed, keeper: None }
    }
}

impl Instrument for SpansProfiler {
    fn start(&mut self, folder: &Path) -> Result<(), String> {
        self.subscribed.clone()?;
        self.state.enabled.store(true, Ordering::Relaxed);
        let (state, begin, folder) = (self.state.clone(), Instant::now(), folder.to_owned());
        self.keeper =
            Some(Keeper::start("lab-spans", move |last| state.raw(begin, last).write(&folder))?);
        Ok(())
    }

    fn threads(&self) -> Vec<&'static str> {
        vec!["lab-spans"]
    }

    fn prices(&mut self, _hooks: &Hooks, _folder: &Path) -> Vec<Priced> {
        match &self.subscribed {
            Ok(()) => self.state.prices(),
            Err(why) => vec![(ENTERED, Err(why.clone()))],
        }
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        let followed = self.state.followed.lock().unwrap_or_else(PoisonError::into_inner);
        vec![(MADE, followed.made), (ENTERED, followed.entered)]
    }

    fn stop(&mut self, _folder: &Path) -> anyhow::Result<ProfilerStatus> {
        if let Some(keeper) = self.keeper.take() {
            keeper.stop()?;
        }
        self.state.enabled.store(false, Ordering::Relaxed);
        // The counts are in the profiler's file, which the parent reads.
        Ok(ProfilerStatus::default())
    }
}

/// The state of the layers, shared with the profiler.
#[derive(Clone, Default)]
struct LayerState {
    enabled: Arc<AtomicBool>,
    sums: Arc<Mutex<Sums>>,
    followed: Arc<Mutex<FollowState>>,
}

impl LayerState {
    fn subscribe(&self) -> Result<(), String> {
        let fold = Fold::new(Arc::clone(&self.enabled), Arc::clone(&self.sums));
        // Without time outside of spans. Without threads, modules and lines, so that profiles of
        // variants can be compared.
        let flame = FlameLayer::new(fold).with_empty_samples(false).with_threads_collapsed(true);
        let flame = flame.with_module_path(false).with_file_and_line(false);
        let follow = Follow::new(Arc::clone(&self.enabled), Arc::clone(&self.followed));
        let subscriber = tracing_subscriber::registry().with(flame).with(follow);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| {
            "the scenario sets a tracing subscriber: remove it, a process can have only one".into()
        })
    }

    /// The costs of creating a span and of entering it. Measured with spans of the profiler's own
    /// while the layers are enabled; their records are discarded.
    fn prices(&self) -> Vec<Priced> {
        self.enabled.store(true, Ordering::Relaxed);
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
        self.enabled.store(false, Ordering::Relaxed);
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = Sums::default();
        *self.followed.lock().unwrap_or_else(PoisonError::into_inner) = FollowState::default();
        vec![(MADE, Ok(made)), (ENTERED, Ok(entered))]
    }

    fn raw(&self, begin: Instant, stopped: bool) -> Raw {
        let (stacks, left_out) = self.sums.lock().unwrap_or_else(PoisonError::into_inner).folded();
        let state = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (slow, followed) = state.slow(now);
        Raw {
            stopped,
            wall_ns: (now - begin).as_nanos() as u64,
            stacks,
            left_out,
            inside: state.inside(now),
            slow_is_open: slow.as_ref().is_some_and(|slow| slow.open),
            slow: slow.map(|slow| slow.request),
            followed,
        }
    }
}
