//! The layout of `sched.bin`, shared by its writer and its reader.
//!
//! The file is only ever appended to. It begins with [`MAGIC`] and the version, a byte; blocks
//! follow. A block is its kind, a byte; its length in bytes, four bytes, little end first; and that
//! many bytes. Numbers inside are varints of up to ten bytes (LEB128), signed ones in zigzag. Times
//! are ticks; [`kind::CLOCK`] blocks relate them to nanoseconds.
//!
//! A block of events is the lane's number, then events; whatever an event leaves out is as it was
//! in the event before, and nothing is remembered from block to block. An event begins with a head
//! byte: its kind in three bits, then the flags of [`head`]. Its numbers follow: the begin, from
//! the end of the event before; a poll's length; a poll's latency in nanoseconds, if it is known;
//! the task, from the task before; the place, if it is another; worker and runtime, if they are
//! others.

use crate::scheduler::record::Owner;

/// The first bytes.
pub const MAGIC: &[u8; 8] = b"LABSCHED";
/// The layout that is written, and the only one that is read.
pub const VERSION: u8 = 1;
/// Bytes before the blocks.
pub const HEADER: usize = MAGIC.len() + 1;
/// Bytes of a block before its contents.
pub const BLOCK_HEADER: usize = 5;
/// Bytes that a block has at most.
pub const MOST_BLOCK: usize = 1 << 16;
/// Bytes after which a file takes no more events: 512 MiB.
pub const FILE_LIMIT: u64 = 512 << 20;
/// Threads that can have a lane.
pub const LANES: usize = 31;
/// Places beyond this many share the last number.
pub const MOST_PLACES: usize = 4_096;

/// Kinds of blocks.
pub mod kind {
    /// The lane, then events.
    pub const EVENTS: u8 = 1;
    /// Ticks and nanoseconds that are the same moment.
    pub const CLOCK: u8 = 2;
    /// The line, then the file of the place that has the next number.
    pub const PLACE: u8 = 3;
    /// The lane, the first and the last tick, and how many events are missing there.
    pub const GAP: u8 = 4;
    /// Ticks, runtime, and the runtime's counters, each one more than it is, or 0 for an unknown
    /// one.
    pub const COUNTERS: u8 = 5;
    /// Ticks, thread, and nanoseconds that it has waited for a core so far.
    pub const CORE_WAIT: u8 = 6;
    /// When the yield probe was asked, when it yielded, when it was back, in nanoseconds; 0 for
    /// what never was.
    pub const PROBE: u8 = 7;
    /// What is recorded, in the first block: the flags of [`crate::scheduler::format::about`].
    pub const ABOUT: u8 = 8;
    /// Polls that were not recorded, then why the recording ended early: the last block.
    pub const STOPPED: u8 = 9;
}

/// Flags of what is recorded.
pub mod about {
    /// For how long tasks are runnable.
    pub const LATENCY: u8 = 1;
    /// Polls, and tasks at all.
    pub const POLLS: u8 = 1 << 1;
}

/// Flags of an event's head byte, above its kind.
pub mod head {
    /// Its latency is given.
    pub const LATENCY: u8 = 1 << 3;
    /// It has another place than the event before.
    pub const PLACE: u8 = 1 << 4;
    /// It is of another worker than the event before.
    pub const OWNER: u8 = 1 << 5;
    /// The task's budget was spent when the poll ended.
    pub const BUDGET_SPENT: u8 = 1 << 6;
    /// The poll had not ended.
    pub const OPEN: u8 = 1 << 7;
}

/// What an event is encoded against: the event before, in the same block.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// When it was over, in ticks.
    pub end: u64,
    /// The task's number.
    pub task: u64,
    /// The number of the place where the task was spawned.
    pub place: u16,
    /// The worker that it happened on.
    pub owner: Owner,
}

/// Appends a number.
#[inline]
pub fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends how far it is from one number to another.
#[inline]
pub fn put_from(bytes: &mut Vec<u8>, before: u64, number: u64) {
    let apart = number.wrapping_sub(before).cast_signed();
    put(bytes, (apart << 1 ^ apart >> 63).cast_unsigned());
}

/// Numbers that are taken from the front of bytes; none where they end within one.
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
    /// The next varint; none at the end, or where it is too long.
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

    /// All that is left, as text.
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
