//! The profiler `sched`: every poll of every task, with its place of spawn, its worker, its length,
//! and how long the task had been waiting for it.
//!
//! Each thread of a runtime writes four words an event into memory of its own, which is there
//! before; a thread beside them takes what is there to `sched.bin` two hundred times a second.
//! Where it cannot keep up whole blocks are left out and counted.
//!
//! What it cannot see: the future that `block_on` itself polls, and the tasks of a `LocalSet`, for
//! which tokio calls no hooks. Their time is that of a worker which is awake and polls nothing.
//! Tasks of `spawn_blocking` end and never begin.

pub(crate) mod lane;
pub(crate) mod places;
pub mod recorder;
pub(crate) mod ring;
pub(crate) mod runtimes;
pub(crate) mod ticks;
pub(crate) mod writer;

pub use recorder::{Counts, Recorder};

use lab_recording::scheduler::Counters;

/// The counters of the runtimes that are recorded, as they are now.
pub(crate) fn counters_of_known() -> Vec<Counters> {
    let known = runtimes::known().into_iter();
    known
        .map(|(number, handle)| crate::hooks::counters(&handle, lab_kit::clock::now_ns(), number))
        .collect()
}

/// The runtimes that are recorded.
pub(crate) fn handles_of_known() -> Vec<crate::hooks::Handle> {
    runtimes::known().into_iter().map(|(_, handle)| handle).collect()
}

/// The threads that sleep as workers of a runtime.
pub(crate) fn asleep() -> Vec<i32> {
    lane::all().filter_map(|(_, lane)| lane.thread().filter(|_| lane.sleeps())).collect()
}
