//! A ring of samples between one signal handler and the sampler, preallocated and without a lock. A
//! sample without room is dropped and counted.
//!
//! It differs from the scheduler's ring: records vary in length, the ring is in a static table
//! because a handler must not allocate, and positions of gaps are not needed.

use lab_recording::stall::format::{FRAMES, SAMPLE_WORDS};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Most samples in the ring. The sampler empties it before it sends the next signal, so there are
/// seldom more than one.
const ROOM: usize = 16;
/// Most words of a sample: head, fixed words, frames.
pub const RECORD_WORDS: usize = 1 + SAMPLE_WORDS + FRAMES;

/// The ring; one thread pushes, and one thread pops.
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

    /// Pushes a record, or counts it as lost if there is no room.
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

    /// Pops the oldest record into `into`, which is overwritten. False if the ring is empty.
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

    /// Number of records lost since the last call.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_without_room_are_lost_and_the_others_are_popped_in_order() {
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
