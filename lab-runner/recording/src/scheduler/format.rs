//! The layout of `sched.bin`, shared by its writer and its reader.
//!
//! The file is append-only. It begins with [`MAGIC`] and the version, a byte; blocks follow. A
//! block has a byte for its kind, four little-endian bytes for the length of its contents, and the
//! contents. Numbers inside are varints of up to ten bytes (LEB128), signed ones in zigzag. Times
//! are ticks; [`kind::CLOCK`] blocks relate them to nanoseconds.
//!
//! A block of events has the lane's number, then events. An event begins with a head byte: its kind
//! in three bits, and the flags of [`head`]. Its numbers follow: the start, relative to the end of
//! the event before; the length of a poll; the latency of a poll in nanoseconds, if it is known;
//! the task, relative to the task before; the place, if it differs from that of the event before;
//! worker and runtime, if they differ. The first event of a block is relative to zeros.

use crate::scheduler::record::Owner;

/// The first bytes.
pub const MAGIC: &[u8; 8] = b"LABSCHED";
/// The layout that is written, and the only one that is read.
pub const VERSION: u8 = 1;
/// Bytes before the blocks.
pub const HEADER: usize = MAGIC.len() + 1;
/// Bytes of a block before its contents.
pub const BLOCK_HEADER: usize = 5;
/// Most bytes of a block's contents.
pub const MOST_BLOCK: usize = 1 << 16;
/// Most bytes of a file: 512 MiB.
pub const FILE_LIMIT: u64 = 512 << 20;
/// Most threads with a lane of their own.
pub const LANES: usize = 31;
/// Most spawn locations with a number of their own; further ones share the last number.
pub const MOST_PLACES: usize = 4_096;

/// Kinds of blocks.
pub mod kind {
    /// The lane, then events.
    pub const EVENTS: u8 = 1;
    /// The same moment in ticks and nanoseconds.
    pub const CLOCK: u8 = 2;
    /// Line and file of the spawn location with the next number.
    pub const PLACE: u8 = 3;
    /// The lane, the first and the last tick of a gap, and the number of missing events.
    pub const GAP: u8 = 4;
    /// Ticks, runtime, and the runtime's counters: each value plus one, or 0 if it is unknown.
    pub const COUNTERS: u8 = 5;
    /// Ticks, thread, and the nanoseconds that it has waited for a core so far.
    pub const CORE_WAIT: u8 = 6;
    /// Times of the yield probe in nanoseconds: request, yield, resumption; 0 if not reached.
    pub const PROBE: u8 = 7;
    /// The first block: the flags of [`crate::scheduler::format::about`].
    pub const ABOUT: u8 = 8;
    /// The last block: the number of polls without a lane, then the reason of an early end.
    pub const STOPPED: u8 = 9;
}

/// Flags of the recorded data.
pub mod about {
    /// Schedule latency.
    pub const LATENCY: u8 = 1;
    /// Polls, spawns and ends of tasks.
    pub const POLLS: u8 = 1 << 1;
}

/// Flags of an event's head byte, above its kind.
pub mod head {
    /// The event has a latency.
    pub const LATENCY: u8 = 1 << 3;
    /// The event has another place than the event before.
    pub const PLACE: u8 = 1 << 4;
    /// The event has another worker or runtime than the event before.
    pub const OWNER: u8 = 1 << 5;
    /// The task's budget was spent at the end of the poll.
    pub const BUDGET_SPENT: u8 = 1 << 6;
    /// The poll was in progress.
    pub const OPEN: u8 = 1 << 7;
}

/// The reference of an event: the event before it in the same block.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// End in ticks.
    pub end: u64,
    /// The task's number.
    pub task: u64,
    /// The number of the spawn location.
    pub place: u16,
    /// Worker and runtime.
    pub owner: Owner,
}

/// Appends a varint.
#[inline]
pub fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends the difference of two numbers as a signed varint.
#[inline]
pub fn put_from(bytes: &mut Vec<u8>, before: u64, number: u64) {
    let apart = number.wrapping_sub(before).cast_signed();
    put(bytes, (apart << 1 ^ apart >> 63).cast_unsigned());
}

/// Reads numbers from the front of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a>(pub &'a [u8]);

impl<'a> Numbers<'a> {
    #[inline]
    /// The next byte; none at the end.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    #[inline]
    /// The next varint; none at the end, or if it is too long.
    pub fn take(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        let mut number = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    #[inline]
    /// The next signed varint, added to the number before; none at the end.
    pub fn take_from(&mut self, before: u64) -> Option<u64> {
        let zigzag = self.take()?;
        let apart = (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
        Some(before.wrapping_add(apart))
    }

    /// The rest of the bytes, as text.
    pub fn text(self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers: Vec<(u64, u64)>) {
            let mut bytes = Vec::new();
            numbers.iter().for_each(|(number, before)| {
                put(&mut bytes, *number);
                put_from(&mut bytes, *before, *number);
            });
            let mut read = Numbers(&bytes);
            for (number, before) in numbers {
                prop_assert_eq!(read.take(), Some(number));
                prop_assert_eq!(read.take_from(before), Some(number));
            }
            prop_assert_eq!(read.byte(), None);
        }

        #[test]
        fn any_bytes_are_numbers_or_their_end(bytes: Vec<u8>) {
            let mut read = Numbers(&bytes);
            while read.take().is_some() {}
        }
    }
}
