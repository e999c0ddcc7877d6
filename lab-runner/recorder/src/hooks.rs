//! The owner of tokio's builder hooks. Tokio has one callback for each hook and the last one wins,
//! so all profilers add their callbacks here. No other file depends on `tokio_unstable`.

#[cfg(tokio_unstable)]
use lab_kit::task_number::number_of;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

pub use tokio::runtime::{Builder, Handle};

/// Whether this build has hooks for polls: `--cfg tokio_unstable`.
pub const SEES_POLLS: bool = cfg!(tokio_unstable);

/// The error of a build without these hooks, with a remedy.
pub const HOW_TO_SEE_POLLS: &str = "this build does not see polls: build with \
    RUSTFLAGS='--cfg tokio_unstable -C force-frame-pointers=yes'";

/// The number of the last runtime that has a number of its own. Runtimes are numbered in the order
/// in which they are built; later ones share this number.
const MOST_RUNTIMES: u8 = 63;

/// The argument of a callback: a task.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// The number in the task's id.
    pub number: u64,
    /// The spawn location.
    pub place: &'static Location<'static>,
    /// Schedule latency of the poll in nanoseconds; only before a poll, and if it is tracked.
    pub latency_ns: Option<u64>,
    /// Number of the runtime.
    pub runtime: u8,
}

impl Task {
    /// A task that no runtime has, to measure the cost of a callback.
    #[track_caller]
    pub fn made_up(number: u64) -> Task {
        Task { number, place: Location::caller(), latency_ns: None, runtime: MOST_RUNTIMES }
    }
}

/// Callbacks for all runtimes of a run. Callbacks before a poll are called in the order of their
/// addition and those after a poll in reverse order, so that the profiler that was added last
/// measures nearest to the poll.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Called before a poll.
    pub before_poll: Vec<fn(&Task)>,
    /// Called after a poll.
    pub after_poll: Vec<fn()>,
    /// Called after the spawn of a task, on the spawning thread.
    pub spawned: Vec<fn(&Task)>,
    /// Called after the end of a task, on any thread. Tasks of `spawn_blocking` end without a call
    /// of `spawned`.
    pub ended: Vec<fn(&Task)>,
    /// Called when a worker parks, with its runtime.
    pub parks: Vec<fn(u8)>,
    /// Called when a worker unparks, with its runtime.
    pub unparks: Vec<fn(u8)>,
    /// Called when a thread of a runtime ends.
    pub thread_stops: Vec<fn()>,
    /// Whether tokio tracks schedule latency, which costs two readings of the clock a poll.
    pub latency: bool,
}

impl Hooks {
    /// Installs the callbacks in a runtime, before it is built.
    pub fn install(&self, builder: &mut Builder) {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let next = |number: u8| Some(number.saturating_add(1).min(MOST_RUNTIMES));
        let runtime =
            NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(MOST_RUNTIMES);
        let Hooks { thread_stops, parks, unparks, .. } = self.clone();
        if !thread_stops.is_empty() {
            builder.on_thread_stop(move || thread_stops.iter().for_each(|hook| hook()));
        }
        if !parks.is_empty() {
            builder.on_thread_park(move || parks.iter().for_each(|hook| hook(runtime)));
        }
        if !unparks.is_empty() {
            builder.on_thread_unpark(move || unparks.iter().for_each(|hook| hook(runtime)));
        }
        self.install_tasks(builder, runtime);
    }

    /// Calls the callbacks of a poll as a runtime would, to measure their cost.
    pub fn poll(&self, task: &Task) {
        // Stands for tokio's tracking of schedule latency.
        let latency =
            self.latency.then(Instant::now).map(|runnable| runnable.elapsed().as_nanos() as u64);
        let task = Task { latency_ns: latency, ..*task };
        self.before_poll.iter().for_each(|hook| hook(&task));
        self.after_poll.iter().rev().for_each(|hook| hook());
    }

    #[cfg(tokio_unstable)]
    fn install_tasks(&self, builder: &mut Builder, runtime: u8) {
        let Hooks { before_poll, after_poll, spawned, ended, .. } = self.clone();
        if self.latency {
            builder.track_task_schedule_latency();
        }
        // A single callback, the usual case, is called directly and not through the list.
        match before_poll[..] {
            [] => {}
            [hook] => _ = builder.on_before_task_poll(move |meta| hook(&polled(meta, runtime))),
            _ => {
                builder.on_before_task_poll(move |meta| {
                    let task = polled(meta, runtime);
                    before_poll.iter().for_each(|hook| hook(&task));
                });
            }
        }
        match after_poll[..] {
            [] => {}
            [hook] => _ = builder.on_after_task_poll(move |_| hook()),
            _ => {
                _ = builder
                    .on_after_task_poll(move |_| after_poll.iter().rev().for_each(|hook| hook()))
            }
        }
        if !spawned.is_empty() {
            builder.on_task_spawn(move |meta| {
                spawned.iter().for_each(|hook| hook(&task_of(meta, runtime)))
            });
        }
        if !ended.is_empty() {
            builder.on_task_terminate(move |meta| {
                ended.iter().for_each(|hook| hook(&task_of(meta, runtime)))
            });
        }
    }

    #[cfg(not(tokio_unstable))]
    fn install_tasks(&self, _builder: &mut Builder, _runtime: u8) {}
}

/// A task that is about to be polled.
#[cfg(tokio_unstable)]
#[inline]
fn polled(meta: &tokio::runtime::TaskMeta<'_>, runtime: u8) -> Task {
    let latency_ns = meta.schedule_latency().map(|latency| latency.as_nanos() as u64);
    Task { latency_ns, ..task_of(meta, runtime) }
}

#[cfg(tokio_unstable)]
fn task_of(meta: &tokio::runtime::TaskMeta<'_>, runtime: u8) -> Task {
    Task { number: number_of(&meta.id()), place: meta.spawned_at(), latency_ns: None, runtime }
}

/// Enables tokio's histograms of poll times and of schedule latencies, with logarithmic buckets.
///
/// # Errors
/// In a build without `tokio_unstable`.
#[cfg(tokio_unstable)]
pub fn keep_histograms(builder: &mut Builder) -> Result<(), String> {
    use tokio::runtime::{HistogramConfiguration, LogHistogram};
    let buckets = || HistogramConfiguration::log(LogHistogram::default());
    builder
        .enable_metrics_poll_time_histogram()
        .metrics_poll_time_histogram_configuration(buckets());
    builder
        .enable_metrics_schedule_latency_histogram()
        .metrics_schedule_latency_histogram_configuration(buckets());
    Ok(())
}

/// Fails, because tokio has no histograms in this build.
///
/// # Errors
/// Always.
#[cfg(not(tokio_unstable))]
pub fn keep_histograms(_builder: &mut Builder) -> Result<(), String> {
    Err(HOW_TO_SEE_POLLS.to_owned())
}

/// Index of the calling worker in its runtime; none on other threads.
pub(crate) fn worker() -> Option<usize> {
    #[cfg(tokio_unstable)]
    return tokio::runtime::worker_index();
    #[cfg(not(tokio_unstable))]
    return None;
}

/// Whether the task that is being polled has spent its budget, so that further operations return
/// pending.
pub(crate) fn budget_is_spent() -> bool {
    !tokio::task::coop::has_budget_remaining()
}

/// The runtime of the calling thread.
pub(crate) fn runtime() -> Option<Handle> {
    Handle::try_current().ok()
}

/// The counters of a runtime; those of its workers are added up. Without `tokio_unstable` some are
/// absent.
pub(crate) fn counters(
    handle: &Handle,
    at_ns: u64,
    runtime: u8,
) -> lab_recording::scheduler::Counters {
    let metrics = handle.metrics();
    let stable = lab_recording::scheduler::Counters {
        at_ns,
        runtime,
        workers: metrics.num_workers() as u64,
        alive_tasks: metrics.num_alive_tasks() as u64,
        global_queue: metrics.global_queue_depth() as u64,
        ..Default::default()
    };
    #[cfg(tokio_unstable)]
    return lab_recording::scheduler::Counters {
        local_queues: Some(
            (0..metrics.num_workers())
                .map(|worker| metrics.worker_local_queue_depth(worker) as u64)
                .sum(),
        ),
        steals: Some(
            (0..metrics.num_workers()).map(|worker| metrics.worker_steal_count(worker)).sum(),
        ),
        forced_yields: Some(metrics.budget_forced_yield_count()),
        blocking_queue: Some(metrics.blocking_queue_depth() as u64),
        blocking_threads: Some(metrics.num_blocking_threads() as u64),
        idle_blocking_threads: Some(metrics.num_idle_blocking_threads() as u64),
        ..stable
    };
    #[cfg(not(tokio_unstable))]
    return stable;
}

/// Polls tokio's task dump to its end, and returns the await points of each task; `wait` is called
/// between polls. Empty in a build without the feature `taskdump`.
#[cfg(all(tokio_unstable, feature = "taskdump"))]
pub(crate) fn dump(
    handle: &Handle,
    waker: &std::task::Waker,
    wait: impl Fn(),
) -> Vec<lab_recording::post_mortem::Awaits> {
    use std::future::Future;
    let mut dump = std::pin::pin!(handle.dump());
    let dump = loop {
        match dump.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
            std::task::Poll::Ready(dump) => break dump,
            std::task::Poll::Pending => wait(),
        }
    };
    let awaits = |dumped: &tokio::runtime::dump::Task| lab_recording::post_mortem::Awaits {
        task: number_of(&dumped.id()),
        trace: dumped.trace().to_string().lines().map(str::to_owned).collect(),
    };
    dump.tasks().iter().take(lab_recording::post_mortem::MOST_AWAITS).map(awaits).collect()
}

/// Always empty, because this build has no task dump.
#[cfg(not(all(tokio_unstable, feature = "taskdump")))]
pub(crate) fn dump(
    _handle: &Handle,
    _waker: &std::task::Waker,
    _wait: impl Fn(),
) -> Vec<lab_recording::post_mortem::Awaits> {
    Vec::new()
}
