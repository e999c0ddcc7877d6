//! Waits of followed futures: the file that the child writes, and what is made of it.

mod durations;
pub mod format;
mod read;
mod record;

pub use read::{Recording, read};
pub use record::{Future, Kind, Record, Waker};

/// The records, in the folder of a run under a profiler that follows waits.
pub const FILE: &str = "awaits.bin";
/// The stacks of the records before their addresses have names: addresses by the number of the
/// stack, from 1.
pub const RAW_STACKS: &str = "awaits.raw.json";
