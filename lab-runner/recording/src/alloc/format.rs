//! The layout of `alloc.bin`, shared by its writer and its reader.
//!
//! The file is a row of 64-bit little-endian words. A header of [`HEADER_WORDS`] words, by the
//! names in [`at`]; then the executable's path and `/proc/self/maps`, each padded to whole words;
//! then records of [`RECORD_WORDS`] words, as many as there is room for. A record is written from
//! its end: its first word is the number of its addresses, and is zero until the others are there.

use crate::alloc::CHURN_EVERY;

/// The first word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABALLOC");
/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// Words before the texts.
pub const HEADER_WORDS: usize = 16;
/// Words of a record: how many addresses and how often was sampled, the size that was asked for,
/// the addresses.
pub const RECORD_WORDS: usize = 128;
/// Addresses that a record has room for.
pub const FRAMES: usize = RECORD_WORDS - 2;
/// Records that a file has room for: 32 MiB of them.
pub const CAPACITY: usize = 1 << 15;
/// Bytes that are read of a file.
pub const FILE_LIMIT: u64 = (CAPACITY * RECORD_WORDS * 8 + (1 << 22)) as u64;

/// Where the words of the header are.
pub mod at {
    /// [`MAGIC`](crate::alloc::format::MAGIC).
    pub const MAGIC: usize = 0;
    /// [`VERSION`](crate::alloc::format::VERSION).
    pub const VERSION: usize = 1;
    /// Mean bytes from a sample to the next, at first.
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

/// Mean bytes between samples when there is room for so many more: four times as many whenever half
/// of what was left is taken. Whatever a run asks for, most of it finds room, and each record has
/// the sampling rate at which it was taken.
pub fn every_with(left: usize) -> u64 {
    let halvings = (CAPACITY / left.clamp(1, CAPACITY)).ilog2();
    CHURN_EVERY << (2 * halvings)
}

/// The first word of a record: never zero.
pub fn head(frames: usize, every: u64) -> u64 {
    every << 8 | (frames as u64 + 1)
}

/// How many addresses a record has, and how often was sampled; nothing if the word is not that of a
/// record.
pub fn of_head(head: u64) -> Option<(usize, u64)> {
    let (frames, every) = (usize::try_from(head & 0xff).ok()?.checked_sub(1)?, head >> 8);
    (frames <= FRAMES && every > 0).then_some((frames, every))
}

/// Words that so many bytes fill.
pub fn words_of(bytes: usize) -> usize {
    bytes.div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_rarer_as_room_does() {
        assert_eq!([CAPACITY, CAPACITY / 2 + 1, CAPACITY / 2, CAPACITY / 4, 0].map(every_with), {
            [
                CHURN_EVERY,
                CHURN_EVERY,
                4 * CHURN_EVERY,
                16 * CHURN_EVERY,
                CHURN_EVERY << (2 * CAPACITY.ilog2()),
            ]
        });
        assert_eq!(of_head(head(FRAMES, every_with(0))), Some((FRAMES, every_with(0))));
        assert_eq!([0, 1, 100 << 8, u64::MAX].map(of_head), [None; 4]);
    }
}
