//! The lens `sched`: every poll of every task, with its place of spawn, its worker, its length, and how long the task had
//! been waiting for it.
//!
//! Each thread of a runtime writes four words an event into memory of its own, which is there before; a thread beside them takes
//! what is there to `sched.bin` two hundred times a second. Where it cannot keep up whole blocks are left out and counted.
//!
//! What it cannot see: the future that `block_on` itself polls, and the tasks of a `LocalSet`, for which tokio calls no hooks. Their
//! time is that of a worker which is awake and polls nothing. Tasks of `spawn_blocking` end and never begin.

mod encode;
mod event;
mod format;
mod lane;
pub(crate) mod lens;
pub(super) mod places;
mod price;
mod read;
mod record;
mod recorder;
mod requests;
pub(crate) mod resolve;
mod ring;
mod runtimes;
mod ticks;
mod writer;

pub use event::{Blocks, CoreWait, Counters, Dropped, Event, Known, Place, Probe, What};
pub use read::{Recording, parse, read};
pub use recorder::{Counts, Recorder};
pub use resolve::complete;

/// The counters of the runtimes that are recorded, as they are now.
pub(in crate::lens) fn counters_of_known() -> Vec<Counters> {
    let known = runtimes::known().into_iter();
    known.map(|(number, handle)| super::hooks::counters(&handle, lab_kit::clock::now_ns(), number)).collect()
}

/// The runtimes that are recorded.
pub(in crate::lens) fn handles_of_known() -> Vec<super::hooks::Handle> {
    runtimes::known().into_iter().map(|(_, handle)| handle).collect()
}

/// The threads that sleep as workers of a runtime.
pub(in crate::lens) fn asleep() -> Vec<i32> {
    lane::all().filter_map(|(_, lane)| lane.thread().filter(|_| lane.sleeps())).collect()
}

/// Name of the lens' file inside a recording.
pub const FILE: &str = "sched.bin";
