//! The recording of the scheduler, `sched.bin`: every poll of every task, with its spawn location,
//! worker and length.

pub mod axis;
pub mod encode;
pub mod event;
pub mod format;
pub mod read;
pub mod record;

pub use event::{Blocks, CoreWait, Counters, Dropped, Event, Known, Place, Probe, What};
pub use read::{Recording, parse, read};

/// Name of the file inside a recording.
pub const FILE: &str = "sched.bin";
