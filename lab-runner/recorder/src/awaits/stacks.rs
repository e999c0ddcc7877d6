//! The stacks of waits, each stored once under a number, and the names of named futures.
//!
//! Written inside wakers, so without allocations and without a lock. The table has a fixed size;
//! what does not fit has the number 0.

use crate::walk::{self, StackBounds};
use lab_recording::awaits::format::MOST_STACKS;
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
    fn a_name_has_one_number() {
        let [checkout, mail] = ["checkout", "mail"].map(number_of_name);
        assert_ne!(checkout, mail);
        assert_eq!(number_of_name("checkout"), checkout);
        assert_eq!(names()[usize::from(mail)], "mail");
    }
}
