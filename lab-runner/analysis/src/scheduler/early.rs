//! Reads blocks on a second thread while the first goes through those before. What is read is the
//! same, and where no thread can be started it is read when it is asked for.

use lab_recording::scheduler::{Blocks, Event};
use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, scope};

/// The direction in which lanes are read.
#[derive(Clone, Copy)]
pub enum Direction {
    Forward,
    Backward,
}

/// A block of a lane to be read, and where to.
struct Order {
    lane: usize,
    block: usize,
    into: Vec<Event>,
}

/// See the module.
pub struct Early<'a, B> {
    blocks: &'a B,
    direction: Direction,
    orders: Sender<Order>,
    lanes: Vec<Lane>,
}

/// What was ordered of a lane.
struct Lane {
    ordered: Cell<Option<usize>>,
    read: Receiver<Vec<Event>>,
}

/// Calls `work` with blocks that are read early as long as it reads in this direction.
pub fn early<B: Blocks + Sync, R>(
    blocks: &B,
    direction: Direction,
    work: impl FnOnce(&Early<'_, B>) -> R,
) -> R {
    let (orders, ordered) = channel::<Order>();
    let (read, lanes): (Vec<Sender<_>>, Vec<Receiver<_>>) =
        (0..blocks.lanes()).map(|_| channel()).unzip();
    let reads = move || {
        for Order { lane, block, mut into } in ordered {
            blocks.read(lane, block, &mut into);
            // Whoever asked may have no more need of it.
            let _ = read[lane].send(into);
        }
    };
    scope(|scope| {
        let _ = Builder::new().spawn_scoped(scope, reads);
        let lanes = lanes.into_iter().map(|read| Lane { ordered: Cell::new(None), read }).collect();
        work(&Early { blocks, direction, orders, lanes })
    })
}

impl<B: Blocks> Early<'_, B> {
    /// Puts a block that was ordered in the place of what is in `into`, which it gives back; none
    /// if it was not ordered, or nobody reads.
    fn ordered(&self, lane: &Lane, block: usize, into: &mut Vec<Event>) -> Option<Vec<Event>> {
        let ordered = lane.ordered.take()?;
        let read = lane.read.recv().ok()?;
        (ordered == block).then(|| std::mem::replace(into, read))
    }

    fn order(&self, lane: usize, after: usize, into: Vec<Event>) {
        let next = match self.direction {
            Direction::Forward => {
                after.checked_add(1).filter(|next| *next < self.blocks.blocks(lane))
            }
            Direction::Backward => after.checked_sub(1),
        };
        if let Some(block) = next
            && self.orders.send(Order { lane, block, into }).is_ok()
        {
            self.lanes[lane].ordered.set(Some(block));
        }
    }
}

impl<B: Blocks> Blocks for Early<'_, B> {
    fn lanes(&self) -> usize {
        self.blocks.lanes()
    }

    fn blocks(&self, lane: usize) -> usize {
        self.blocks.blocks(lane)
    }

    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>) {
        let Some(of) = self.lanes.get(lane) else { return into.clear() };
        let spare = self.ordered(of, block, into).unwrap_or_else(|| {
            self.blocks.read(lane, block, into);
            Vec::new()
        });
        self.order(lane, block, spare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::tests::made::{Made, poll};
    use proptest::prelude::*;

    fn made(lengths: &[u64]) -> Made {
        let lane = |length: &u64| (0..*length).map(|at| poll(0, 0, at, at, at + 1)).collect();
        Made(lengths.iter().map(lane).collect())
    }

    fn read(blocks: &impl Blocks, lane: usize, block: usize) -> Vec<Event> {
        let mut events = vec![poll(0, 0, 99, 0, 1)];
        blocks.read(lane, block, &mut events);
        events
    }

    proptest! {
        #[test]
        fn any_order_of_asking_gives_the_same(
            lengths in prop::collection::vec(0..20_u64, 1..4),
            asked in prop::collection::vec((0..5_usize, 0..9_usize), 0..30),
            backward: bool,
        ) {
            let made = made(&lengths);
            let direction = if backward { Direction::Backward } else { Direction::Forward };
            let same = early(&made, direction, |early| {
                asked.iter().all(|(lane, block)| read(early, *lane, *block) == read(&made, *lane, *block))
            });
            prop_assert!(same);
        }
    }

    #[test]
    fn both_ways_lead_through_all_events() {
        let made = made(&[10, 0, 7]);
        for direction in [Direction::Forward, Direction::Backward] {
            early(&made, direction, |early| {
                assert_eq!(
                    (early.lanes(), early.blocks(0), early.blocks(1), early.blocks(2)),
                    (3, 4, 0, 3)
                );
                let numbers = |lane: usize| -> Vec<usize> {
                    match direction {
                        Direction::Forward => (0..early.blocks(lane)).collect(),
                        Direction::Backward => (0..early.blocks(lane)).rev().collect(),
                    }
                };
                for lane in 0..3 {
                    numbers(lane).into_iter().for_each(|block| {
                        assert_eq!(read(early, lane, block), read(&made, lane, block))
                    });
                }
            });
        }
    }
}
