//! A ring of samples between one signal handler and the sampler: preallocated, no lock, and a
//! sample without room is counted.
//!
//! It is not the scheduler's ring: its records differ in length, it lies in a static table because
//! a handler may not allocate, and a lost sample is only counted, while the scheduler's recording
//! needs to know where its gaps are.

use lab_recording::stall::format::{FRAMES, SAMPLE_WORDS};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Samples that fit. The sampler empties the ring before it sends the next signal, so few ever
/// wait.
const ROOM: usize = 16;
/// Words that a sample has at most: head, what is known, frames.
pub const RECORD_WORDS: usize = 1 + SAMPLE_WORDS + FRAMES;

/// One thread pushes, one thread pops. A record may take less than its room.
pub struct Ring {
    pushed: AtomicUsize,
    popped: AtomicUsize,
    lost: AtomicU64,
    lengths: [AtomicUsize; ROOM],
    records: [[AtomicU64; RECORD_WORDS]; ROOM],
}

impl Ring {
    pub const fn new() -> Ring {
        Ring {
            pushed: AtomicUsize::new(0),
            popped: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            lengths: [const { AtomicUsize::new(0) }; ROOM],
            records: [const { [const { AtomicU64::new(0) }; RECORD_WORDS] }; ROOM],
        }
    }

    /// Puts a record in, or counts it as lost when there is no room.
    pub fn push(&self, record: &[u64]) {
        let pushed = self.pushed.load(Ordering::Relaxed);
        if pushed.wrapping_sub(self.popped.load(Ordering::Acquire)) >= ROOM {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        for (word, value) in self.records[pushed % ROOM].iter().zip(record) {
            word.store(*value, Ordering::Relaxed);
        }
        self.lengths[pushed % ROOM].store(record.len().min(RECORD_WORDS), Ordering::Relaxed);
        self.pushed.store(pushed.wrapping_add(1), Ordering::Release);
    }

    /// Takes the oldest record out; `into` is overwritten.
    pub fn pop(&self, into: &mut Vec<u64>) -> bool {
        let popped = self.popped.load(Ordering::Relaxed);
        if popped == self.pushed.load(Ordering::Acquire) {
            return false;
        }
        let length = self.lengths[popped % ROOM].load(Ordering::Relaxed);
        into.clear();
        into.extend(
            self.records[popped % ROOM][..length].iter().map(|word| word.load(Ordering::Relaxed)),
        );
        self.popped.store(popped.wrapping_add(1), Ordering::Release);
        true
    }

    /// How many records were lost since the last call.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_counts_as_lost_and_the_rest_comes_out_in_order() {
        let ring = Box::new(Ring::new());
        let mut into = Vec::new();
        for round in 0..3 {
            for number in 0..ROOM as u64 + 5 {
                ring.push(&[round, number, 7][..2 + (number % 2) as usize]);
            }
            assert_eq!(ring.take_lost(), 5);
            for number in 0..ROOM as u64 {
                assert!(ring.pop(&mut into));
                assert_eq!(into, [round, number, 7][..2 + (number % 2) as usize]);
            }
            assert!(!ring.pop(&mut into));
        }
        assert_eq!(ring.take_lost(), 0);
    }

    #[test]
    fn a_record_that_is_too_long_is_cut() {
        let ring = Box::new(Ring::new());
        ring.push(&[3; RECORD_WORDS + 9]);
        let mut into = Vec::new();
        assert!(ring.pop(&mut into));
        assert_eq!(into.len(), RECORD_WORDS);
    }
}
