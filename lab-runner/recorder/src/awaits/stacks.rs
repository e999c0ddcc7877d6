//! The stacks of waits, each stored once under a number, and the names of named futures.
//!
//! Written inside wakers, so without allocations and without a lock. The table has a fixed size;
//! what does not fit has the number 0.

use crate::walk::{self, StackBounds};
use lab_recording::awaits::format::{LEAVES, MOST_STACKS};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Frames of a stack.
const FRAMES: usize = 48;
/// Entries of the table, a power of two.
const ENTRIES: usize = 4_096;
/// Entries that are tried for a stack.
const TRIED: usize = 32;

const _: () = assert!(ENTRIES <= MOST_STACKS && ENTRIES.is_power_of_two());

struct Entry {
    /// Hash of the stack; 0 if the entry is free. Two stacks with one hash are taken for one.
    hash: AtomicU64,
    /// Frames of the stack; 0 until they are stored.
    depth: AtomicU32,
    frames: [AtomicU64; FRAMES],
}

static TABLE: [Entry; ENTRIES] = [const {
    Entry {
        hash: AtomicU64::new(0),
        depth: AtomicU32::new(0),
        frames: [const { AtomicU64::new(0) }; FRAMES],
    }
}; ENTRIES];

/// Sets of stacks, each as the [`Armed`] that it was.
static SETS: [AtomicU64; ENTRIES] = [const { AtomicU64::new(0) }; ENTRIES];

static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

thread_local! {
    static BOUNDS: Cell<Option<StackBounds>> = const { Cell::new(None) };
}

/// The number of the calling thread's stack up to the address `high`.
#[inline(never)]
pub(super) fn number(high: usize) -> u16 {
    let mut frames = [0; FRAMES];
    let count = walk::callers(bounds().below(high), &mut frames);
    number_of(&frames[..count])
}

fn number_of(frames: &[usize]) -> u16 {
    if frames.is_empty() {
        return 0;
    }
    let hash = hash(frames);
    for tried in 0..TRIED {
        let at = (hash as usize).wrapping_add(tried) % ENTRIES;
        let entry = &TABLE[at];
        match entry.hash.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                let stored = entry.frames.iter().zip(frames);
                stored.for_each(|(to, from)| to.store(*from as u64, Ordering::Relaxed));
                entry.depth.store(frames.len() as u32, Ordering::Release);
                return at as u16 + 1;
            }
            Err(known) if known == hash => return at as u16 + 1,
            Err(_) => {}
        }
    }
    0
}

/// What a future polled in one poll and awaits: up to four numbers of stacks of 16 bits each, the
/// first one lowest. Of more than four the first three and the last are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Armed(pub u64);

impl Armed {
    /// The same with one more stack.
    pub fn and(self, stack: u16) -> Armed {
        let leaves = self.leaves();
        let count = leaves.iter().filter(|leaf| **leaf > 0).count().min(LEAVES - 1);
        let bits = 16 * count;
        Armed(self.0 & !(0xffff << bits) | u64::from(stack) << bits)
    }

    /// The position of a stack, from 1; 0 if it is not one of them. A stack that is there twice
    /// was polled last at the later position.
    pub fn position(self, stack: u16) -> u8 {
        let at = self.leaves().iter().rposition(|leaf| *leaf == stack && stack > 0);
        at.map_or(0, |at| at as u8 + 1)
    }

    fn leaves(self) -> [u16; LEAVES] {
        std::array::from_fn(|at| (self.0 >> (16 * at)) as u16)
    }
}

/// The number of a set; 0 if it is empty or does not fit.
pub(super) fn number_of_set(set: Armed) -> u16 {
    if set.0 == 0 {
        return 0;
    }
    let hash = set.0.wrapping_mul(0x517c_c1b7_2722_0a95);
    let first = (hash ^ hash >> 32) as usize;
    for tried in 0..TRIED {
        let at = first.wrapping_add(tried) % ENTRIES;
        match SETS[at].compare_exchange(0, set.0, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return at as u16 + 1,
            Err(known) if known == set.0 => return at as u16 + 1,
            Err(_) => {}
        }
    }
    0
}

/// All sets, each with its number.
pub(super) fn sets() -> Vec<(u16, Vec<u16>)> {
    let stored = SETS.iter().enumerate().filter_map(|(at, set)| {
        let leaves = Armed(set.load(Ordering::Relaxed)).leaves();
        let leaves: Vec<u16> = leaves.into_iter().filter(|leaf| *leaf > 0).collect();
        (!leaves.is_empty()).then_some((at as u16 + 1, leaves))
    });
    stored.collect()
}

/// The hash of rustc's own tables: a rotation and a multiplication a word.
fn hash(frames: &[usize]) -> u64 {
    let mixed = frames.iter().fold(frames.len() as u64, |hash, frame| {
        (hash.rotate_left(5) ^ *frame as u64).wrapping_mul(0x517c_c1b7_2722_0a95)
    });
    (mixed ^ mixed >> 32).max(1)
}

/// All stacks, each with its number.
pub(super) fn all() -> Vec<(u16, Vec<u64>)> {
    let stored = TABLE.iter().enumerate().filter_map(|(at, entry)| {
        let depth = entry.depth.load(Ordering::Acquire) as usize;
        let frames = entry.frames.iter().take(depth);
        (depth > 0)
            .then(|| (at as u16 + 1, frames.map(|frame| frame.load(Ordering::Relaxed)).collect()))
    });
    stored.collect()
}

/// The number of a name. Names beyond the 255th share its number.
pub(super) fn number_of_name(name: &'static str) -> u8 {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = names.iter().position(|known| *known == name);
    let number = known.unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    });
    number.min(usize::from(u8::MAX)) as u8
}

/// All names, in the order of their numbers.
pub(super) fn names() -> Vec<String> {
    let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn bounds() -> StackBounds {
    BOUNDS.get().unwrap_or_else(|| {
        let bounds = StackBounds::of_this_thread().unwrap_or(StackBounds::NONE);
        BOUNDS.set(Some(bounds));
        bounds
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_stored_once_under_its_number() {
        let [first, second] = [[11, 12, 13], [11, 12, 14]].map(|frames| number_of(&frames));
        assert!(first > 0 && second > 0 && first != second);
        assert_eq!(number_of(&[11, 12, 13]), first);
        assert_eq!(number_of(&[]), 0);
        let stored = all();
        let found = |number| stored.iter().find(|(known, _)| *known == number);
        assert_eq!(found(first).unwrap().1, [11, 12, 13]);
    }

    #[test]
    fn a_set_has_the_first_three_stacks_and_the_last() {
        let set =
            |stacks: &[u16]| stacks.iter().fold(Armed::default(), |set, stack| set.and(*stack));
        assert_eq!(set(&[7, 8]).leaves(), [7, 8, 0, 0]);
        assert_eq!(set(&[1, 2, 3, 4, 5, 6]).leaves(), [1, 2, 3, 6]);
        assert_eq!([7, 8, 9].map(|stack| set(&[7, 8]).position(stack)), [1, 2, 0]);
        assert_eq!(set(&[7, 8, 7]).position(7), 3);
        let number = number_of_set(set(&[7, 8]));
        assert!(number > 0 && number == number_of_set(set(&[7, 8])));
        assert_eq!(number_of_set(Armed::default()), 0);
        assert!(sets().contains(&(number, vec![7, 8])));
    }

    #[test]
    fn a_name_has_one_number() {
        let [checkout, mail] = ["checkout", "mail"].map(number_of_name);
        assert_ne!(checkout, mail);
        assert_eq!(number_of_name("checkout"), checkout);
        assert_eq!(names()[usize::from(mail)], "mail");
    }
}
