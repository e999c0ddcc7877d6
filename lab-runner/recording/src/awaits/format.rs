//! The layout of the file: words of 64 bits in little-endian order, a header and then the records.

pub use super::record::{LEAVES, MOST_STACKS, WORDS};

/// The first word of the file.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABWAITS");
/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// Words before the first record.
pub const HEADER_WORDS: usize = 8;
/// Records that fit into the file: 24 MB.
pub const CAPACITY: usize = 1 << 20;

/// Indices of the header's words.
pub mod at {
    /// [`MAGIC`](super::MAGIC).
    pub const MAGIC: usize = 0;
    /// [`VERSION`](super::VERSION).
    pub const VERSION: usize = 1;
    /// Start of the recording, in nanoseconds of `CLOCK_MONOTONIC`.
    pub const START_NS: usize = 2;
    /// Waits so far, those without room included.
    pub const DUE: usize = 3;
    /// End of the recording, in nanoseconds of `CLOCK_MONOTONIC`; 0 if it was not reached.
    pub const CLOSED_NS: usize = 4;
}
