//! The stall sampler's recording, `stall.bin`: stacks of polls that take long.

pub mod format;
pub mod read;

pub use format::Counts;
pub use read::{Recording, Sample, WaitChannel, parse, read};

/// Name of the file inside a recording.
pub const FILE: &str = "stall.bin";
/// Samples a second by default.
pub const HZ: u32 = 1_000;
/// Nanoseconds after which a poll is called long by default: 10 ms.
pub const LONG_POLL_NS: u64 = 10_000_000;
