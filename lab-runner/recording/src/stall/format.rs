//! The layout of `stall.bin`, shared by its writer and its reader.
//!
//! The file is a row of 64-bit little-endian words, only ever appended to. A header of
//! [`HEADER_WORDS`] words: magic, version, time at the start, samples a second, the executable's
//! length in bytes and the nanosecond of its last change (to check later whether it is still the
//! same file), bytes of the executable's path, bytes of `/proc/self/maps`. The path and the maps
//! follow, each padded to whole words. Then come records. A record begins with a [`Head`], with the
//! number of words that follow it. Times are `CLOCK_MONOTONIC` nanoseconds.

use std::path::Path;
use std::time::UNIX_EPOCH;

/// The first word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABSTALL");
/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// Words before the texts.
pub const HEADER_WORDS: usize = 8;
/// Bytes after which a file takes no more samples: 64 MiB.
pub const FILE_LIMIT: u64 = 64 << 20;
/// Addresses that a sample has room for.
pub const FRAMES: usize = 128;
/// Words of a sample between its head and its frames: time, begin of the poll, task, number of the
/// poll, CPU time of the thread, thread and ticks.
pub const SAMPLE_WORDS: usize = 6;
/// Words of a wait between its head and its text: time, number of the poll, thread and bytes of the
/// text, the system call. The text is the channel's name and, behind [`WAIT_SEPARATOR`], the file
/// of the descriptor where that is known.
pub const WAIT_WORDS: usize = 4;
/// Stands between the name of a channel and a file: no channel and no file of a wait has it.
pub const WAIT_SEPARATOR: char = '\n';
/// Stands for a system call that is not known.
pub const NO_SYSCALL: u64 = u64::MAX;
/// Words of the counts, without their head.
pub const COUNTS_WORDS: usize = 8;

/// Kinds of records.
pub mod kind {
    /// A stack.
    pub const SAMPLE: u8 = 1;
    /// What a thread waits for in the kernel.
    pub const WAIT: u8 = 2;
    /// The last record of a recording that was stopped.
    pub const COUNTS: u8 = 3;
}

/// What was so when a sample was taken.
pub mod flag {
    /// The thread had used the CPU since the sample before.
    pub const ON_CPU: u8 = 1;
    /// There was no sample before in this poll: on or off the CPU follows from the instruction
    /// alone.
    pub const GUESSED: u8 = 2;
    /// The signal interrupted a system call.
    pub const IN_SYSCALL: u8 = 4;
    /// There may have been more frames.
    pub const TRUNCATED: u8 = 8;
}

/// The first word of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Its kind.
    pub kind: u8,
    /// What was so.
    pub flags: u8,
    /// Words that follow.
    pub words: u16,
}

impl Head {
    /// The head as it is written.
    pub fn to_word(self) -> u64 {
        u64::from(self.kind) | u64::from(self.flags) << 8 | u64::from(self.words) << 16
    }

    /// Absent if the word has bits that no head has.
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

/// By what a file is known again: its length, and when it changed last.
pub fn stamp(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), changed.as_nanos() as u64))
}

/// What a sampler did. A tick is a sampling interval; ticks of different threads add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ticks since the start, those that came late and were caught up on included.
    pub ticks: u64,
    /// Ticks that found a thread inside a poll.
    pub in_poll: u64,
    /// Signals sent. Fewer than `in_poll` when a thread did not get to answer one within a tick.
    pub sent: u64,
    /// Samples that handlers wrote, those that the file had no room for included.
    pub delivered: u64,
    /// The ticks that those samples stand for.
    pub covered: u64,
    /// Ticks whose signal came after the poll had ended.
    pub late: u64,
    /// Records that found no room, in a ring or in the file.
    pub lost: u64,
    /// Threads that polled while there was no slot left for them.
    pub unwatched: u64,
    /// Why the file ends early, if it does. Not in the file.
    pub trouble: Option<String>,
}

impl Counts {
    /// The counts as they are written.
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

    /// The counts that were written; absent if there are not as many words as counts.
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
