//! Requests wait before they have a task: the acceptor that would spawn it is itself kept waiting. What is known of that comes
//! from outside the runtime, from the request log, and is put into the first wait of each request's task.

use super::{Blocks, Event, Known, What};
use lab_kit::{log, request_task};
use std::path::Path;

/// A recording whose requests wait from the moment at which they were sent.
pub(super) struct SinceSent<'a, B> {
    blocks: &'a B,
    /// Places at which requests are spawned.
    places: Vec<bool>,
    /// First polls with the times of sending, in their order.
    first_polls: Vec<(u64, u64)>,
}

impl<'a, B: Blocks> SinceSent<'a, B> {
    /// With the request log of this folder, if there is one.
    pub fn of(blocks: &'a B, known: &Known, folder: &Path) -> SinceSent<'a, B> {
        let places = known.places.iter().map(|place| place.file == request_task::SPAWNED_IN).collect();
        let entries = log::read(&folder.join(log::REQUESTS)).ok().into_iter().flat_map(|(_, entries)| entries);
        let polled = |entry: log::Entry| Some((entry.first_poll_ns?, entry.sent_ns?));
        let mut first_polls: Vec<(u64, u64)> = entries.map_while(Result::ok).filter_map(polled).collect();
        first_polls.sort_unstable();
        SinceSent { blocks, places, first_polls }
    }

    fn since_sent(&self, event: &mut Event) {
        if event.what != What::Poll || !self.places.get(usize::from(event.place)).is_some_and(|is| *is) {
            return;
        }
        // The task notes its first poll itself, so that the note lies within the poll.
        let first = self.first_polls.partition_point(|(polled_ns, _)| *polled_ns < event.at_ns);
        if let Some((polled_ns, sent_ns)) = self.first_polls.get(first)
            && *polled_ns <= event.end_ns()
            && let Some(latency_ns) = &mut event.latency_ns
        {
            *latency_ns = event.at_ns.saturating_sub(*sent_ns).max(*latency_ns);
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
        into.iter_mut().for_each(|event| self.since_sent(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn latency(at_ns: u64, place: u16) -> Option<u64> {
        let event = Event {
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
        };
        let one = One(event);
        let requests = SinceSent { blocks: &one, places: vec![false, true], first_polls: vec![(120, 20), (500, 480)] };
        let mut into = Vec::new();
        requests.read(0, 0, &mut into);
        into[0].latency_ns
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
