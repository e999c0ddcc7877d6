//! The part of a recording that a stretch of time is drawn from: the blocks of what happens in it,
//! and of those beyond only the waits that reach into it. Where many tasks wait for long those are
//! nearly all of them.

use crate::scheduler::survey::{Reach, Survey};
use crate::scheduler::sweep::DEEPEST;
use lab_recording::scheduler::{Blocks, Event, What};
use std::ops::Range;

/// The blocks of a recording that tell what happened in a stretch.
pub struct Part<'a, B> {
    blocks: &'a B,
    /// By lane.
    of: Vec<Range<usize>>,
}

impl<'a, B: Blocks> Part<'a, B> {
    /// What happens in the stretch, and a block before and after, which tell what a worker does
    /// while nothing happens.
    pub fn new(blocks: &'a B, survey: &Survey, at: &Range<u64>) -> Self {
        let of = survey.lanes.iter().map(|lane| {
            let inside = |reach: &Reach| reach.begun < at.end && reach.until > at.start;
            let first = lane.reach.iter().position(|reach| inside(reach) || reach.begun >= at.end);
            let last =
                lane.reach.iter().rposition(|reach| inside(reach) || reach.until <= at.start);
            let first = first.unwrap_or(lane.reach.len()).saturating_sub(1);
            first..last.map_or(1, |last| last + 2).clamp(first, lane.reach.len().max(first))
        });
        Part { blocks, of: of.collect() }
    }

    /// By lane, the first block behind it.
    pub fn ends(&self) -> Vec<usize> {
        self.of.iter().map(|of| of.end).collect()
    }
}

impl<B: Blocks> Blocks for Part<'_, B> {
    fn lanes(&self) -> usize {
        self.of.len()
    }

    fn blocks(&self, lane: usize) -> usize {
        self.of.get(lane).map_or(0, Range::len)
    }

    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>) {
        if let Some(of) = self.of.get(lane) {
            self.blocks.read(lane, of.start + block, into);
        }
    }
}

/// Waits that end beyond a stretch and begin before its end.
#[derive(Debug, Default, PartialEq)]
pub struct Beyond {
    /// How many there are.
    pub waits: u64,
    /// The begins of those that begin within the stretch.
    pub begins: Vec<u64>,
    /// By lane: begins of polls that were counted and that earlier blocks may tell of once more,
    /// while they were open.
    pub reported: Vec<Vec<u64>>,
}

impl Beyond {
    /// The waits in all blocks behind a part. Times are gone through backward.
    pub fn new<B: Blocks>(
        blocks: &B,
        behind: &[usize],
        survey: &Survey,
        at: &Range<u64>,
    ) -> Beyond {
        let mut beyond = Beyond::default();
        let mut events = Vec::new();
        for (lane, behind) in behind.iter().enumerate() {
            let mut reported = Vec::new();
            let reach = survey.lanes[lane].reach.iter().enumerate().skip(*behind).rev();
            for (block, _) in reach.filter(|(_, reach)| reach.from < at.end) {
                blocks.read(lane, block, &mut events);
                let polls = events.iter().rev().filter(|event| event.what == What::Poll);
                polls
                    .filter(|poll| survey.crew.get(poll).is_some())
                    .for_each(|poll| beyond.poll(poll, &mut reported, at));
            }
            beyond.reported.push(reported);
        }
        beyond
    }

    /// `reported` are the begins of polls that are not yet passed.
    fn poll(&mut self, poll: &Event, reported: &mut Vec<u64>, at: &Range<u64>) {
        while reported.last().is_some_and(|begin| *begin >= poll.end_ns()) {
            reported.pop();
        }
        if reported.len() >= DEEPEST || poll.open && reported.contains(&poll.at_ns) {
            return;
        }
        reported.push(poll.at_ns);
        if let Some(since) = poll.runnable_ns().filter(|since| *since < at.end.min(poll.at_ns)) {
            self.waits += 1;
            self.begins.extend((since > at.start).then_some(since));
        }
    }
}
