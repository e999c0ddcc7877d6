//! The one owner of tokio's builder hooks: tokio keeps one callback for each and the last one wins,
//! so code that wants one asks here. The only file that knows whether tokio's unstable half is
//! there.

#[cfg(tokio_unstable)]
use lab_kit::task_number::number_of;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

pub use tokio::runtime::{Builder, Handle};

/// Whether this build can see polls: `--cfg tokio_unstable`.
pub const SEES_POLLS: bool = cfg!(tokio_unstable);

/// What to do when without it.
pub const HOW_TO_SEE_POLLS: &str = "this build does not see polls: build with RUSTFLAGS='--cfg tokio_unstable -C force-frame-pointers=yes'";

/// Runtimes get numbers in the order in which they are built; all that follow share the last one.
const MOST_RUNTIMES: u8 = 63;

/// A task in a callback.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Its number.
    pub number: u64,
    /// Where it was spawned.
    pub place: &'static Location<'static>,
    /// Before and after a poll: nanoseconds that it had been runnable for, if that is tracked.
    pub latency_ns: Option<u64>,
    /// The runtime that it belongs to.
    pub runtime: u8,
}

impl Task {
    /// One that no runtime has, to measure the cost of a callback.
    #[track_caller]
    pub fn made_up(number: u64) -> Task {
        Task { number, place: Location::caller(), latency_ns: None, runtime: MOST_RUNTIMES }
    }
}

/// Callbacks for the runtimes of a run. Those before a poll are called in the order in which they
/// were added, those after it the other way round: who came last is nearest to the poll.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Before a poll.
    pub before_poll: Vec<fn(&Task)>,
    /// After a poll.
    pub after_poll: Vec<fn()>,
    /// When a task was spawned, on the thread that did.
    pub spawned: Vec<fn(&Task)>,
    /// When a task has ended, on any thread. Tasks of `spawn_blocking` end without having been
    /// spawned.
    pub ended: Vec<fn(&Task)>,
    /// When a worker goes to sleep, with its runtime.
    pub parks: Vec<fn(u8)>,
    /// When a worker wakes up, with its runtime.
    pub unparks: Vec<fn(u8)>,
    /// When a thread of the runtime ends.
    pub thread_stops: Vec<fn()>,
    /// Whether tokio is to track for how long tasks are runnable, which costs two readings of the
    /// clock a poll.
    pub latency: bool,
}

impl Hooks {
    /// Puts them into a runtime that is about to be built.
    pub fn install(&self, builder: &mut Builder) {
        static BUILT: AtomicU8 = AtomicU8::new(0);
        let next = |number: u8| Some(number.saturating_add(1).min(MOST_RUNTIMES));
        let runtime =
            BUILT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(MOST_RUNTIMES);
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

    /// The callbacks of a poll on a made-up task, called as a runtime would that has them.
    pub fn poll(&self, task: &Task) {
        // The time from being runnable to the poll, which is told to those before it.
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
        // One callback, as a profiler by itself has, is called without a look at the list.
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
                spawned.iter().for_each(|hook| hook(&of(meta, runtime)))
            });
        }
        if !ended.is_empty() {
            builder.on_task_terminate(move |meta| {
                ended.iter().for_each(|hook| hook(&of(meta, runtime)))
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
    Task { latency_ns, ..of(meta, runtime) }
}

#[cfg(tokio_unstable)]
fn of(meta: &tokio::runtime::TaskMeta<'_>, runtime: u8) -> Task {
    Task { number: number_of(&meta.id()), place: meta.spawned_at(), latency_ns: None, runtime }
}

/// Lets tokio keep histograms of poll times and of schedule latencies, with logarithmic buckets.
///
/// # Errors
/// In a build in which it has none.
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

/// See the other one.
#[cfg(not(tokio_unstable))]
pub fn keep_histograms(_builder: &mut Builder) -> Result<(), String> {
    Err(HOW_TO_SEE_POLLS.to_owned())
}

/// The number of the worker that the calling thread is; none on a thread that is no worker.
pub(crate) fn worker() -> Option<usize> {
    #[cfg(tokio_unstable)]
    return tokio::runtime::worker_index();
    #[cfg(not(tokio_unstable))]
    return None;
}

/// Whether the task that is being polled has spent its budget, so that what it awaits turns it
/// away.
pub(crate) fn budget_is_spent() -> bool {
    !tokio::task::coop::has_budget_remaining()
}

/// The runtime that the calling thread belongs to.
pub(crate) fn runtime() -> Option<Handle> {
    Handle::try_current().ok()
}

/// A runtime's own counters, those of its workers added up; a stable tokio does not report all.
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

/// Polls tokio's task dump until it ends, and returns what each task awaits; `wait` is called in
/// between. Nothing in a build without it.
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

/// See the other one.
#[cfg(not(all(tokio_unstable, feature = "taskdump")))]
pub(crate) fn dump(
    _handle: &Handle,
    _waker: &std::task::Waker,
    _wait: impl Fn(),
) -> Vec<lab_recording::post_mortem::Awaits> {
    Vec::new()
}
