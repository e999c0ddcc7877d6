//! The recorder of the profiler `sched`: every poll of every task, with its spawn location, worker,
//! length and schedule latency.
//!
//! Each thread of a runtime writes four words an event into a ring of its own, which is allocated
//! in advance. A writer thread moves the events to `sched.bin` two hundred times a second. If it
//! cannot keep up, whole blocks of events are dropped and counted.
//!
//! Limits: tokio calls no hooks for the future of `block_on` itself and for the tasks of a
//! `LocalSet`. During their time a worker appears to be awake without polling. Tasks of
//! `spawn_blocking` have an end but no spawn.

pub(crate) mod lane;
pub(crate) mod places;
pub(crate) mod polled;
pub mod recorder;
pub(crate) mod ring;
pub(crate) mod runtimes;
pub(crate) mod ticks;
pub(crate) mod writer;

pub use recorder::{Counts, Recorder};

use lab_recording::scheduler::Counters;

/// The current counters of all recorded runtimes.
pub(crate) fn counters() -> Vec<Counters> {
    let now_ns = lab_kit::clock::now_ns();
    runtimes::all()
        .into_iter()
        .map(|(number, handle)| crate::hooks::counters(&handle, now_ns, number))
        .collect()
}

/// Handles of all recorded runtimes.
pub(crate) fn handles() -> Vec<crate::hooks::Handle> {
    runtimes::all().into_iter().map(|(_, handle)| handle).collect()
}

/// Kernel numbers of the threads that are parked workers.
pub(crate) fn parked_workers() -> Vec<i32> {
    lane::all().filter_map(|(_, lane)| lane.thread().filter(|_| lane.is_parked())).collect()
}
