//! The layout of `alloc.bin`, shared by its writer and its reader.
//!
//! The file is a sequence of 64-bit little-endian words: a header of [`HEADER_WORDS`] words, named
//! in [`at`]; the executable's path and `/proc/self/maps`, each padded to whole words; and
//! [`CAPACITY`] records of [`RECORD_WORDS`] words. The first word of a record is written last and
//! is zero until the record is complete.

use crate::alloc::CHURN_EVERY;

/// The first word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABALLOC");
/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// Words before the texts.
pub const HEADER_WORDS: usize = 16;
/// Words of a record: its head, the size of the allocation, and the addresses.
pub const RECORD_WORDS: usize = 128;
/// Most addresses of a record.
pub const FRAMES: usize = RECORD_WORDS - 2;
/// Most records of a file: 32 MiB.
pub const CAPACITY: usize = 1 << 15;
/// Most bytes that are read of a file.
pub const FILE_LIMIT: u64 = (CAPACITY * RECORD_WORDS * 8 + (1 << 22)) as u64;

/// Indices of the words of the header.
pub mod at {
    /// [`MAGIC`](crate::alloc::format::MAGIC).
    pub const MAGIC: usize = 0;
    /// [`VERSION`](crate::alloc::format::VERSION).
    pub const VERSION: usize = 1;
    /// Initial mean bytes between samples.
    pub const EVERY: usize = 2;
    /// Number of samples, including those without a record because the file was full.
    pub const DUE: usize = 3;
    /// Most records of the file.
    pub const CAPACITY: usize = 4;
    /// Number of all allocations since the start.
    pub const ALLOCS: usize = 5;
    /// Bytes of all allocations since the start.
    pub const BYTES: usize = 6;
    /// The executable's length in bytes.
    pub const STAMP_LENGTH: usize = 7;
    /// The executable's last change, in nanoseconds since 1970.
    pub const STAMP_CHANGED: usize = 8;
    /// Bytes of the executable's path.
    pub const EXECUTABLE: usize = 9;
    /// Bytes of `/proc/self/maps`.
    pub const MAPS: usize = 10;
}

/// Mean bytes between samples when there is room for `left` more records: four times as many each
/// time half of the remaining room is used. So the samples of a run of any length fit, and each
/// record has the sampling rate at which it was taken. *Example:* one sample in 16 KiB at the
/// start, in 64 KiB when half of the file is left, in 256 KiB when a quarter is left.
pub fn every_with(left: usize) -> u64 {
    let halvings = (CAPACITY / left.clamp(1, CAPACITY)).ilog2();
    CHURN_EVERY << (2 * halvings)
}

/// The first word of a record: the number of addresses and the mean bytes between samples. Never
/// zero.
pub fn head(frames: usize, every: u64) -> u64 {
    every << 8 | (frames as u64 + 1)
}

/// The number of addresses and the mean bytes between samples of a head; none if the word is not a
/// head.
pub fn of_head(head: u64) -> Option<(usize, u64)> {
    let (frames, every) = (usize::try_from(head & 0xff).ok()?.checked_sub(1)?, head >> 8);
    (frames <= FRAMES && every > 0).then_some((frames, every))
}

/// Number of words that hold this number of bytes.
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
