//! Waits of followed futures: the file that the child writes, and what is made of it.

mod durations;
pub mod format;
mod read;
mod record;

pub use read::{Recording, read, shrink};
pub use record::{Future, Kind, Record, Waker};

use serde::{Deserialize, Serialize};

/// The records, in the folder of a run under a profiler that follows waits.
pub const FILE: &str = "awaits.bin";
/// The stacks of the records before their addresses have names.
pub const RAW_STACKS: &str = "awaits.raw.json";

/// What the numbers in the records stand for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbered {
    /// The names of named futures, in the order of their numbers.
    pub names: Vec<String>,
    /// Stacks by number: return addresses, innermost first.
    pub stacks: Vec<(u16, Vec<u64>)>,
    /// Sets of stacks by number: the stacks of what one poll of a future polled and awaits, by
    /// number, in the order of the poll.
    pub sets: Vec<(u16, Vec<u16>)>,
    /// Polls of followed futures that each polled a crowd of leaves.
    #[serde(default)]
    pub crowds: Crowds,
}

/// Polls of followed futures that each polled 64 leaves or more, as a combinator does that polls its
/// whole set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crowds {
    /// The number of such polls.
    pub polls: u64,
    /// The leaves that they polled and that were not ready, all together.
    pub leaves: u64,
}
