//! Goes through lanes in the order of time, holding one block of each: recordings are larger than
//! what should be in memory.

use lab_recording::scheduler::{Blocks, Event};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::hash::{BuildHasherDefault, Hasher};

/// One lane, read from its beginning.
#[derive(Default)]
struct Ahead {
    events: Vec<Event>,
    next: usize,
    /// The block after the one that `events` are of.
    block: usize,
}

impl Ahead {
    /// The next event; none at the end of the lane.
    fn peek(&mut self, blocks: &impl Blocks, lane: usize) -> Option<&Event> {
        while self.next == self.events.len() {
            if self.block == blocks.blocks(lane) {
                return None;
            }
            self.events.clear();
            blocks.read(lane, self.block, &mut self.events);
            self.block += 1;
            self.next = 0;
        }
        self.events.get(self.next)
    }
}

/// Calls `each` with every event of these lanes, its lane and its block, in the order of their
/// keys, which may not decrease within a lane. Where they do the event comes late.
pub fn forward<B: Blocks>(
    blocks: &B,
    lanes: impl Iterator<Item = usize>,
    key: impl Fn(&Event) -> u64,
    mut each: impl FnMut(usize, usize, &Event),
) {
    let mut ahead: Vec<Ahead> = Vec::new();
    ahead.resize_with(blocks.lanes(), Ahead::default);
    let first = |lane: usize| Some(Reverse((key(ahead[lane].peek(blocks, lane)?), lane)));
    let mut heap: BinaryHeap<_> = lanes.filter_map(first).collect();
    while let Some(mut top) = heap.peek_mut() {
        let lane = top.0.1;
        let of = &mut ahead[lane];
        each(lane, of.block - 1, &of.events[of.next]);
        of.next += 1;
        match of.peek(blocks, lane) {
            Some(event) => top.0.0 = key(event),
            None => {
                PeekMut::pop(top);
            }
        }
    }
}

/// One lane, read from its end.
#[derive(Default)]
pub struct Back {
    events: Vec<Event>,
    /// Blocks that were not read.
    blocks: usize,
}

impl Back {
    /// The end of a lane.
    pub fn new(blocks: &impl Blocks, lane: usize) -> Back {
        Back { events: Vec::new(), blocks: blocks.blocks(lane) }
    }

    /// The event before the last that was taken; none at the beginning of the lane.
    pub fn peek(&mut self, blocks: &impl Blocks, lane: usize) -> Option<&Event> {
        while self.events.is_empty() && self.blocks > 0 {
            self.blocks -= 1;
            blocks.read(lane, self.blocks, &mut self.events);
        }
        self.events.last()
    }

    /// Takes the event that was peeked at.
    pub fn take(&mut self) -> Option<Event> {
        self.events.pop()
    }
}

/// A map or set by numbers of tasks: what the standard hasher does against malice takes longer than
/// the rest of an event.
pub type Quick = BuildHasherDefault<QuickHasher>;

/// See [`Quick`].
#[derive(Default)]
pub struct QuickHasher(u64);

/// The hash of a number.
pub fn mixed(number: u64) -> u64 {
    let product = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 32)
}

impl Hasher for QuickHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mixed(self.0 ^ number);
    }
}
