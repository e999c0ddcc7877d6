//! The layout of `alloc.bin`, told once for its writer and its reader.
//!
//! The file is a row of 64-bit little-endian words. A header of [`HEADER_WORDS`] words, by the names in [`at`]; then the
//! executable's path and `/proc/self/maps`, each padded to whole words; then records of [`RECORD_WORDS`] words, as many as
//! there is room for. A record is written from its end: its first word says how many addresses it has, and is zero
//! until the others are there.

/// The first word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABALLOC");
/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// Words before the texts.
pub const HEADER_WORDS: usize = 16;
/// Words of a record: how many addresses, the size that was asked for, the addresses.
pub const RECORD_WORDS: usize = 128;
/// Addresses that a record has room for.
pub const FRAMES: usize = RECORD_WORDS - 2;
/// Records that a file has room for: 64 MiB of them.
pub const CAPACITY: usize = 1 << 16;
/// Bytes that are read of a file.
pub const FILE_LIMIT: u64 = (CAPACITY * RECORD_WORDS * 8 + (1 << 22)) as u64;

/// Where the words of the header are.
pub mod at {
    /// [`MAGIC`](super::MAGIC).
    pub const MAGIC: usize = 0;
    /// [`VERSION`](super::VERSION).
    pub const VERSION: usize = 1;
    /// Mean bytes from a sample to the next.
    pub const EVERY: usize = 2;
    /// Samples that were due: more than there is room for means that some were lost.
    pub const DUE: usize = 3;
    /// Records that there is room for.
    pub const CAPACITY: usize = 4;
    /// Allocations that were counted since the start.
    pub const ALLOCS: usize = 5;
    /// Bytes that they asked for.
    pub const BYTES: usize = 6;
    /// The executable's length in bytes.
    pub const STAMP_LENGTH: usize = 7;
    /// The nanosecond of its last change.
    pub const STAMP_CHANGED: usize = 8;
    /// Bytes of the executable's path.
    pub const EXECUTABLE: usize = 9;
    /// Bytes of `/proc/self/maps`.
    pub const MAPS: usize = 10;
}

/// Words that so many bytes fill.
pub fn words_of(bytes: usize) -> usize {
    bytes.div_ceil(8)
}
