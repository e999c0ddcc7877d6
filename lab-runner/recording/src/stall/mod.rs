//! The stall sampler's recording, `stall.bin`: stacks of polls that take long.

pub mod format;
pub mod read;

pub use format::Counts;
pub use read::{Recording, Sample, WaitChannel, parse, read};

/// Name of the file inside a recording.
pub const FILE: &str = "stall.bin";
/// Default number of samples per second.
pub const HZ: u32 = 1_000;
/// Length of a poll in nanoseconds from which it is a long poll: 10 ms.
pub const LONG_POLL_NS: u64 = 10_000_000;
