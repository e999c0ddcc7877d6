//! Requests wait before they have a task: the acceptor that would spawn it is itself kept waiting.
//! What is known of that comes from outside the runtime, from the request log, and is put into the
//! first wait of each request's task.

use lab_kit::request_task;
use lab_recording::request_log;
use lab_recording::scheduler::{Blocks, Event, Known, What};
use std::path::Path;

/// So many first polls are looked at one by one before they are searched.
const NEAR: usize = 8;

/// A recording whose requests wait from the moment at which they were sent.
pub struct SinceSent<'a, B> {
    blocks: &'a B,
    /// Places at which requests are spawned.
    places: Vec<bool>,
    /// First polls with the times of sending, in their order.
    first_polls: Vec<(u64, u64)>,
}

impl<'a, B: Blocks> SinceSent<'a, B> {
    /// With the request log of this folder, if there is one.
    pub fn new(blocks: &'a B, known: &Known, folder: &Path) -> SinceSent<'a, B> {
        let places =
            known.places.iter().map(|place| place.file == request_task::SPAWNED_IN).collect();
        let entries = request_log::read(&folder.join(request_log::REQUESTS))
            .ok()
            .into_iter()
            .flat_map(|(_, entries)| entries);
        let polled = |entry: request_log::Entry| Some((entry.first_poll_ns?, entry.sent_ns?));
        let mut first_polls: Vec<(u64, u64)> =
            entries.map_while(Result::ok).filter_map(polled).collect();
        first_polls.sort_unstable();
        SinceSent { blocks, places, first_polls }
    }

    /// `next` is the first poll that was looked at last: polls of a block are nearly in the order
    /// of their begins.
    fn since_sent(&self, event: &mut Event, next: &mut usize) {
        if event.what != What::Poll
            || !self.places.get(usize::from(event.place)).is_some_and(|is| *is)
        {
            return;
        }
        // The task notes its first poll itself, so that the note lies within the poll.
        *next = self.first_after(event.at_ns, *next);
        if let Some((polled_ns, sent_ns)) = self.first_polls.get(*next)
            && *polled_ns <= event.end_ns()
            && let Some(latency_ns) = &mut event.latency_ns
        {
            *latency_ns = event.at_ns.saturating_sub(*sent_ns).max(*latency_ns);
        }
    }

    /// The first of the first polls that is not before a time.
    fn first_after(&self, at_ns: u64, near: usize) -> usize {
        let before = |poll: &(u64, u64)| poll.0 < at_ns;
        let near = near.min(self.first_polls.len());
        let (past, rest) = self.first_polls.split_at(near);
        match past.last().is_none_or(before) {
            true => match rest[..rest.len().min(NEAR)].iter().position(|poll| !before(poll)) {
                Some(next) => near + next,
                None => near + rest.partition_point(before),
            },
            false => past.partition_point(before),
        }
    }
}

impl<B: Blocks> Blocks for SinceSent<'_, B> {
    fn lanes(&self) -> usize {
        self.blocks.lanes()
    }

    fn blocks(&self, lane: usize) -> usize {
        self.blocks.blocks(lane)
    }

    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>) {
        self.blocks.read(lane, block, into);
        let mut next = 0;
        into.iter_mut().for_each(|event| self.since_sent(event, &mut next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct One(Event);

    impl Blocks for One {
        fn lanes(&self) -> usize {
            1
        }
        fn blocks(&self, _: usize) -> usize {
            1
        }
        fn read(&self, _: usize, _: usize, into: &mut Vec<Event>) {
            into.splice(.., [self.0]);
        }
    }

    fn event(at_ns: u64, place: u16) -> Event {
        Event {
            what: What::Poll,
            at_ns,
            length_ns: 50,
            task: 1,
            latency_ns: Some(10),
            place,
            worker: 0,
            runtime: 0,
            budget_spent: false,
            open: false,
        }
    }

    fn latency(at_ns: u64, place: u16) -> Option<u64> {
        let one = One(event(at_ns, place));
        let requests = SinceSent {
            blocks: &one,
            places: vec![false, true],
            first_polls: vec![(120, 20), (500, 480)],
        };
        let mut into = Vec::new();
        requests.read(0, 0, &mut into);
        into[0].latency_ns
    }

    proptest! {
        #[test]
        fn a_poll_is_found_from_wherever_it_is_looked_for(
            mut polls in prop::collection::vec((0..60_u64, 0..9_u64), 0..40),
            asked in prop::collection::vec((0..70_u64, 0..50_usize), 1..20),
        ) {
            polls.sort_unstable();
            let one = One(event(0, 0));
            let requests = SinceSent { blocks: &one, places: Vec::new(), first_polls: polls.clone() };
            for (at_ns, near) in asked {
                prop_assert_eq!(requests.first_after(at_ns, near), polls.partition_point(|poll| poll.0 < at_ns));
            }
        }
    }

    #[test]
    fn the_first_wait_of_a_request_begins_when_it_was_sent() {
        assert_eq!(latency(100, 1), Some(80));
        assert_eq!(latency(495, 1), Some(15));
        assert_eq!(latency(300, 1), Some(10), "a later poll");
        assert_eq!(latency(100, 0), Some(10), "another task's");
        assert_eq!(latency(100, 7), Some(10));
    }
}
