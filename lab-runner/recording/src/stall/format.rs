//! The layout of `stall.bin`, shared by its writer and its reader.
//!
//! The file is an append-only sequence of 64-bit little-endian words. The header has
//! [`HEADER_WORDS`] words: magic, version, start time, samples per second, the executable's length
//! in bytes and last change in nanoseconds (to check later whether it is the same file), bytes of
//! the executable's path, bytes of `/proc/self/maps`. The path and the maps follow, each padded to
//! whole words. Then come records, each with a [`Head`] that has the number of words after it.
//! Times are nanoseconds of `CLOCK_MONOTONIC`.

use std::path::Path;
use std::time::UNIX_EPOCH;

/// The first word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABSTALL");
/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// Words before the texts.
pub const HEADER_WORDS: usize = 8;
/// Most bytes of a file: 64 MiB.
pub const FILE_LIMIT: u64 = 64 << 20;
/// Most addresses of a sample.
pub const FRAMES: usize = 128;
/// Words of a sample between its head and its frames: time, start of the poll, task, number of the
/// poll, CPU time of the thread, thread and ticks.
pub const SAMPLE_WORDS: usize = 6;
/// Words of a wait between its head and its text: time, number of the poll, thread and bytes of the
/// text, the system call. The text is the channel's name and, behind [`WAIT_SEPARATOR`], the file
/// of the descriptor where that is known.
pub const WAIT_WORDS: usize = 4;
/// Separator of the channel's name and the file, which occurs in neither.
pub const WAIT_SEPARATOR: char = '\n';
/// The value of an unknown system call.
pub const NO_SYSCALL: u64 = u64::MAX;

/// In place of a task's number: what a thread of a runtime of one thread does outside of polls of
/// tasks, while it is awake. There it polls the future of `block_on` and the tasks of a `LocalSet`,
/// for which tokio calls no hooks.
pub const OUTSIDE_TASKS: u64 = u64::MAX - 1;
/// Words of the counts, without their head.
pub const COUNTS_WORDS: usize = 8;

/// Kinds of records.
pub mod kind {
    /// A stack.
    pub const SAMPLE: u8 = 1;
    /// The wait of a thread in the kernel.
    pub const WAIT: u8 = 2;
    /// The last record of a recording that was stopped.
    pub const COUNTS: u8 = 3;
}

/// Flags of a sample.
pub mod flag {
    /// The thread was on the CPU for at least half of the time since the last sample.
    pub const ON_CPU: u8 = 1;
    /// The first sample of a poll: on or off the CPU is derived from the instruction alone.
    pub const GUESSED: u8 = 2;
    /// The signal interrupted a system call.
    pub const IN_SYSCALL: u8 = 4;
    /// The stack may have more frames.
    pub const TRUNCATED: u8 = 8;
}

/// The first word of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// The kind of the record.
    pub kind: u8,
    /// The flags of a sample.
    pub flags: u8,
    /// Number of words after the head.
    pub words: u16,
}

impl Head {
    /// Encodes the head.
    pub fn to_word(self) -> u64 {
        u64::from(self.kind) | u64::from(self.flags) << 8 | u64::from(self.words) << 16
    }

    /// Decodes a head; none if the word has bits that no head has.
    pub fn from_word(word: u64) -> Option<Head> {
        let [kind, flags, low, high, rest @ ..] = word.to_le_bytes();
        (rest == [0; 4]).then_some(Head { kind, flags, words: u16::from_le_bytes([low, high]) })
    }
}

/// Two 32-bit numbers in a word.
pub fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// The two numbers of a word.
pub fn unpair(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

/// The stamp of a file, by which it is recognised: its length in bytes, and its last change in
/// nanoseconds since 1970.
pub fn stamp(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), changed.as_nanos() as u64))
}

/// Counts of a sampler. A tick is a sampling interval; ticks of several threads are added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ticks since the start, including those that were late.
    pub ticks: u64,
    /// Ticks at which a thread was inside a poll.
    pub in_poll: u64,
    /// Signals sent. Fewer than `in_poll` if a thread did not answer within a tick.
    pub sent: u64,
    /// Samples that handlers wrote, including those for which the file had no room.
    pub delivered: u64,
    /// Ticks that these samples stand for.
    pub covered: u64,
    /// Ticks whose signal arrived after the end of the poll.
    pub late: u64,
    /// Records without room in a ring or in the file.
    pub lost: u64,
    /// Threads that polled without a slot.
    pub unwatched: u64,
    /// The reason why the file ends before the run, if it does. Not in the file.
    pub trouble: Option<String>,
}

impl Counts {
    /// Encodes the counts.
    pub fn to_words(&self) -> [u64; COUNTS_WORDS] {
        [
            self.ticks,
            self.in_poll,
            self.sent,
            self.delivered,
            self.covered,
            self.late,
            self.lost,
            self.unwatched,
        ]
    }

    /// Decodes counts; none if the number of words is wrong.
    pub fn from_words(words: &[u64]) -> Option<Counts> {
        let &[ticks, in_poll, sent, delivered, covered, late, lost, unwatched] = words else {
            return None;
        };
        Some(Counts {
            ticks,
            in_poll,
            sent,
            delivered,
            covered,
            late,
            lost,
            unwatched,
            trouble: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_pairs_and_counts_come_back_as_they_were() {
        let head = Head { kind: kind::WAIT, flags: flag::TRUNCATED, words: 513 };
        assert_eq!(Head::from_word(head.to_word()), Some(head));
        assert_eq!(Head::from_word(1 << 32), None);
        assert_eq!(unpair(pair(7, u32::MAX)), (7, u32::MAX));
        let counts = Counts {
            ticks: 1,
            in_poll: 2,
            sent: 3,
            delivered: 4,
            covered: 5,
            late: 6,
            lost: 7,
            ..Counts::default()
        };
        assert_eq!(Counts::from_words(&counts.to_words()), Some(counts));
        assert_eq!(Counts::from_words(&[1, 2]), None);
    }
}
