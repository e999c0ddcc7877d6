//! The closed batch: `size` items that are all present at the start, counted and timed.
//!
//! Counts come from wrappers around the futures that the code under test gets: one around each
//! child future, one around the task that processes the batch. A wrapper counts polls, and gives
//! its future a waker that counts wakes and forwards them. The code under test sees ordinary
//! futures.
//!
//! The wrappers allocate before the clock starts, so they do not change the counted allocations.
//! They make each poll some nanoseconds longer, equally in every variant.

use crate::{Counter, Probe, alloc, clock};
use atomic_waker::AtomicWaker;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tokio::task::coop;

/// Names of a batch's counters. The analysis turns them into metrics.
pub mod names {
    /// Number of items in the batch.
    pub const OFFERED: &str = "batch_offered";
    /// Number of completed items.
    pub const COMPLETED: &str = "batch_completed";
    /// Polls of the child futures.
    pub const CHILD_POLLS: &str = "batch_child_polls";
    /// Wakes of the child futures.
    pub const CHILD_WAKES: &str = "batch_child_wakes";
    /// Polls of a child future that ended pending while the task budget was spent.
    pub const FORCED_YIELDS: &str = "batch_forced_yields";
    /// Polls of the task that processes the batch.
    pub const OUTER_POLLS: &str = "batch_outer_polls";
    /// Wakes of the task that processes the batch.
    pub const OUTER_WAKES: &str = "batch_outer_wakes";
    /// Allocations of the process during the batch.
    pub const ALLOCS: &str = "batch_allocs";
    /// Bytes of these allocations.
    pub const ALLOC_BYTES: &str = "batch_alloc_bytes";
    /// CPU time of the process from the start of the batch to its end, in nanoseconds.
    pub const CPU_NS: &str = "batch_cpu_ns";
    /// Wall time from the start of the batch to its end, in nanoseconds.
    pub const WALL_NS: &str = "batch_wall_ns";
}

/// A closed batch: wraps its futures, then starts and stops the clock.
#[derive(Debug)]
pub struct Batch {
    children: Arc<[WakerSlot]>,
    outer: WakerSlot,
    totals: Arc<Totals>,
    report: Report,
}

/// The waker of one future, allocated in advance.
#[derive(Clone, Debug)]
struct WakerSlot {
    relay: Arc<Relay>,
    waker: Waker,
}

/// Counts wakes and forwards them to the waker of the last poll.
#[derive(Debug, Default)]
struct Relay {
    to: AtomicWaker,
    wakes: AtomicU64,
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.to.wake();
    }
}

impl WakerSlot {
    fn new() -> WakerSlot {
        let relay = Arc::<Relay>::default();
        WakerSlot { waker: Waker::from(Arc::clone(&relay)), relay }
    }
}

/// Sums over the futures that were dropped.
#[derive(Debug, Default)]
struct Totals {
    polls: AtomicU64,
    forced: AtomicU64,
    outer_polls: AtomicU64,
}

/// The counters of the recording.
#[derive(Debug)]
struct Report {
    offered: Counter,
    completed: Counter,
    child_polls: Counter,
    child_wakes: Counter,
    forced_yields: Counter,
    outer_polls: Counter,
    outer_wakes: Counter,
    allocs: Counter,
    alloc_bytes: Counter,
    cpu_ns: Counter,
    wall_ns: Counter,
}

impl Report {
    fn new(probe: &Probe) -> anyhow::Result<Report> {
        Ok(Report {
            offered: probe.own_counter(names::OFFERED)?,
            completed: probe.own_counter(names::COMPLETED)?,
            child_polls: probe.own_counter(names::CHILD_POLLS)?,
            child_wakes: probe.own_counter(names::CHILD_WAKES)?,
            forced_yields: probe.own_counter(names::FORCED_YIELDS)?,
            outer_polls: probe.own_counter(names::OUTER_POLLS)?,
            outer_wakes: probe.own_counter(names::OUTER_WAKES)?,
            allocs: probe.own_counter(names::ALLOCS)?,
            alloc_bytes: probe.own_counter(names::ALLOC_BYTES)?,
            cpu_ns: probe.own_counter(names::CPU_NS)?,
            wall_ns: probe.own_counter(names::WALL_NS)?,
        })
    }
}

impl Batch {
    pub(crate) fn new(probe: &Probe, size: usize) -> anyhow::Result<Batch> {
        Ok(Batch {
            children: (0..size).map(|_| WakerSlot::new()).collect(),
            outer: WakerSlot::new(),
            totals: Arc::default(),
            report: Report::new(probe)?,
        })
    }

    /// Memory of the wrapper of one child future, in bytes, for estimates.
    pub const BYTES_PER_CHILD: u64 =
        (size_of::<WakerSlot>() + size_of::<Relay>() + 2 * size_of::<usize>()) as u64;

    /// The wrapper of the child futures. Cheap to clone, so that a closure can own it.
    pub fn children(&self) -> Children {
        Children { slots: Arc::clone(&self.children), totals: Arc::clone(&self.totals) }
    }

    /// Wraps the future of the task that processes the batch.
    pub fn outer<F: Future>(&self, inner: F) -> Counted<F> {
        Counted {
            inner,
            role: Role::Outer,
            slot: self.outer.clone(),
            totals: Arc::clone(&self.totals),
            polls: 0,
            forced: 0,
        }
    }

    /// Runs the batch and records its time, CPU time and allocations. `completed` turns the result
    /// of `run` into the number of completed items, and is not timed.
    ///
    /// # Errors
    /// The error of `run`. Counts up to then are recorded.
    pub fn time<T>(
        &self,
        run: impl FnOnce() -> anyhow::Result<T>,
        completed: impl FnOnce(T) -> u64,
    ) -> anyhow::Result<()> {
        self.report.offered.set(self.children.len() as u64);
        let allocated = alloc::totals();
        let (wall, cpu) = (clock::now_ns(), clock::process_cpu_ns());
        let done = run();
        self.report.wall_ns.set(clock::now_ns() - wall);
        self.report.cpu_ns.set(clock::process_cpu_ns() - cpu);
        if let Some((then, now)) = allocated.zip(alloc::totals()) {
            self.report.allocs.set(now.since(then).allocs);
            self.report.alloc_bytes.set(now.since(then).bytes);
        }
        self.record_counts();
        self.report.completed.set(completed(done?));
        Ok(())
    }

    fn record_counts(&self) {
        let wakes = |slot: &WakerSlot| slot.relay.wakes.load(Ordering::Relaxed);
        self.report.child_polls.set(self.totals.polls.load(Ordering::Relaxed));
        self.report.child_wakes.set(self.children.iter().map(wakes).sum());
        self.report.forced_yields.set(self.totals.forced.load(Ordering::Relaxed));
        self.report.outer_polls.set(self.totals.outer_polls.load(Ordering::Relaxed));
        self.report.outer_wakes.set(wakes(&self.outer));
    }
}

/// Wraps the child futures of a batch.
#[derive(Clone, Debug)]
pub struct Children {
    slots: Arc<[WakerSlot]>,
    totals: Arc<Totals>,
}

impl Children {
    /// Wraps the future of item `number`, which must be below the batch's size.
    pub fn wrap<F: Future>(&self, number: usize, inner: F) -> Counted<F> {
        let (slot, totals) = (self.slots[number].clone(), Arc::clone(&self.totals));
        Counted { inner, role: Role::Child, slot, totals, polls: 0, forced: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Child,
    Outer,
}

pin_project! {
    /// A future whose polls and wakes are counted.
    #[derive(Debug)]
    pub struct Counted<F> {
        #[pin]
        inner: F,
        role: Role,
        slot: WakerSlot,
        totals: Arc<Totals>,
        polls: u64,
        forced: u64,
    }

    impl<F> PinnedDrop for Counted<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.role == Role::Outer {
                this.totals.outer_polls.fetch_add(*this.polls, Ordering::Relaxed);
            } else {
                this.totals.polls.fetch_add(*this.polls, Ordering::Relaxed);
                this.totals.forced.fetch_add(*this.forced, Ordering::Relaxed);
            }
        }
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        *this.polls += 1;
        this.slot.relay.to.register(cx.waker());
        let polled = this.inner.poll(&mut Context::from_waker(&this.slot.waker));
        if polled.is_pending() && !coop::has_budget_remaining() {
            *this.forced += 1;
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cx;
    use lab_recording::{Load, counters};
    use std::collections::HashMap;

    fn counted(size: usize, run: impl AsyncFnOnce(Children) -> u64) -> HashMap<String, u64> {
        let folder = tempfile::tempdir().unwrap();
        let cx = Cx::create(Load { size, ..Load::BATCH }, folder.path()).unwrap();
        let batch = cx.batch(size).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        batch
            .time(
                || Ok(runtime.block_on(batch.outer(run(batch.children())))),
                |completed| completed,
            )
            .unwrap();
        counters::read(&folder.path().join(counters::COUNTERS)).unwrap().into_iter().collect()
    }

    #[test]
    fn polls_and_wakes_of_children_and_of_their_task_are_counted() {
        let counts = counted(3, async |children| {
            for number in 0..3 {
                children.wrap(number, tokio::task::yield_now()).await;
            }
            3
        });
        let children =
            [names::COMPLETED, names::CHILD_POLLS, names::CHILD_WAKES].map(|name| counts[name]);
        assert_eq!(children, [3, 6, 3]);
        assert_eq!((counts[names::OUTER_POLLS], counts[names::OUTER_WAKES]), (4, 3));
        assert_eq!(counts[names::FORCED_YIELDS], 0, "a plain yield is not a forced one");
    }

    #[test]
    fn a_poll_without_budget_is_a_forced_yield() {
        let counts = counted(300, async |children| {
            for number in 0..300 {
                children.wrap(number, coop::consume_budget()).await;
            }
            300
        });
        assert_eq!(counts[names::FORCED_YIELDS], 2, "the budget is 128: {counts:?}");
        assert_eq!(counts[names::CHILD_POLLS], 302);
    }

    #[test]
    fn the_wrappers_allocate_nothing_while_the_clock_runs() {
        let counts = counted(100, async |children| {
            // The first yield makes tokio allocate its list of deferred wakes.
            children.wrap(0, tokio::task::yield_now()).await;
            let before = alloc::thread_totals();
            for number in 1..100 {
                children.wrap(number, tokio::task::yield_now()).await;
            }
            assert_eq!(alloc::thread_totals(), before);
            100
        });
        assert!(counts.contains_key(names::ALLOCS), "the binary's allocator counts: {counts:?}");
    }
}
