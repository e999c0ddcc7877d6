//! The begins of open waits, the latest first. Tasks that wait in a queue leave it in the order in
//! which they came, so nearly every wait begins before those that are known already: a few sorted
//! runs hold them, and a heap only what fits into none.

use std::collections::{BinaryHeap, VecDeque};

/// Runs that are kept at a time.
const RUNS: usize = 6;

/// A wait that is open at the moment that time has run back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// When it begins, in nanoseconds.
    pub since: u64,
    pub worker: u16,
    pub slot: u16,
    /// When it ends.
    pub opened: u64,
}

/// See the module.
#[derive(Default)]
pub struct Begins {
    /// Each in falling order.
    runs: [VecDeque<Wait>; RUNS],
    /// Behind so many all are empty.
    used: usize,
    rest: BinaryHeap<Wait>,
    /// The greatest of all, and the run that it is the first of; [`RUNS`] stands for the heap.
    first: Option<(Wait, usize)>,
}

impl Begins {
    /// The one that begins last.
    #[inline]
    pub fn peek(&self) -> Option<&Wait> {
        self.first.as_ref().map(|(wait, _)| wait)
    }

    #[inline]
    pub fn push(&mut self, wait: Wait) {
        let at = self.fitting(&wait);
        match self.runs.get_mut(at) {
            Some(run) => {
                run.push_back(wait);
                self.used = self.used.max(at + 1);
            }
            None => self.rest.push(wait),
        }
        if self.first.is_none_or(|(first, _)| wait > first) {
            self.first = Some((wait, at));
        }
    }

    #[inline]
    pub fn pop(&mut self) -> Option<Wait> {
        let (wait, at) = self.first?;
        match self.runs.get_mut(at) {
            Some(run) => drop(run.pop_front()),
            None => drop(self.rest.pop()),
        }
        while self.used > 0 && self.runs[self.used - 1].is_empty() {
            self.used -= 1;
        }
        self.first = self.rest.peek().map(|wait| (*wait, RUNS));
        for (at, run) in self.runs[..self.used].iter().enumerate() {
            if let Some(wait) = run.front()
                && self.first.is_none_or(|(first, _)| *wait > first)
            {
                self.first = Some((*wait, at));
            }
        }
        Some(wait)
    }

    /// The run whose last is nearest, so that those far away do not end the others' runs; one that
    /// is empty, if no other fits.
    #[inline]
    fn fitting(&self, wait: &Wait) -> usize {
        let (mut best, mut empty): (Option<(&Wait, usize)>, usize) = (None, self.used);
        for (at, run) in self.runs[..self.used].iter().enumerate() {
            match run.back() {
                Some(last) if last >= wait && best.is_none_or(|(best, _)| last < best) => {
                    best = Some((last, at))
                }
                Some(_) => {}
                None => empty = empty.min(at),
            }
        }
        best.map_or(empty, |(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_come_as_from_a_heap(steps in prop::collection::vec(prop::option::of((0..30_u64, 0..3_u16, 0..3_u16, 0..9_u64)), 0..200)) {
            let (mut begins, mut heap) = (Begins::default(), BinaryHeap::new());
            for step in steps {
                match step {
                    Some((since, worker, slot, opened)) => {
                        let wait = Wait { since, worker, slot, opened };
                        begins.push(wait);
                        heap.push(wait);
                    }
                    None => prop_assert_eq!(begins.pop(), heap.pop()),
                }
                prop_assert_eq!(begins.peek(), heap.peek());
            }
            while let Some(wait) = heap.pop() {
                prop_assert_eq!(begins.pop(), Some(wait));
            }
            prop_assert_eq!(begins.pop(), None);
        }
    }

    #[test]
    fn a_queue_takes_no_heap_though_some_waited_long() {
        let mut begins = Begins::default();
        for at in (0..1_000_u64).rev() {
            let wait = Wait { since: 1_000 + at, worker: 0, slot: 0, opened: 5_000 };
            begins.push(wait);
            if at % 100 == 0 {
                begins.push(Wait { since: at, ..wait });
            }
        }
        assert!(begins.rest.is_empty());
        let sinces: Vec<u64> = std::iter::from_fn(|| begins.pop()).map(|wait| wait.since).collect();
        assert!(sinces.len() == 1_010 && sinces.is_sorted_by(|a, b| a >= b));
    }
}
