//! When all workers slept at once: then no task could have gone on, and what ended that time came
//! from outside of the tasks, such as a timer or a socket.

use lab_recording::scheduler::{Blocks, Known, What};
use std::collections::BTreeSet;

/// Times at which all workers of a run slept, in the order of their begins; they do not overlap.
#[derive(Debug, Default, PartialEq)]
pub struct Asleep {
    spans: Vec<(u64, u64)>,
    /// The length of all spans before each.
    before: Vec<u64>,
}

impl Asleep {
    /// Reads parks and unparks. No time is known of a recording that lacks events, because a worker
    /// whose unpark is missing seems to sleep.
    ///
    /// *Example:* worker 0 sleeps from 10 to 50 and worker 1 from 20 to 60: both sleep from 20 to
    /// 50. A worker is awake until its first park.
    pub fn of<B: Blocks>(blocks: &B, known: &Known) -> Asleep {
        if !known.sees_polls || !known.dropped.is_empty() || known.cut {
            return Asleep::default();
        }
        let mut changes: Vec<(u64, u8, u16, bool)> = Vec::new();
        let mut events = Vec::new();
        for lane in 0..blocks.lanes() {
            for block in 0..blocks.blocks(lane) {
                blocks.read(lane, block, &mut events);
                changes.extend(events.iter().filter_map(|event| {
                    let sleeps = match event.what {
                        What::Park => true,
                        What::Unpark => false,
                        _ => return None,
                    };
                    Some((event.at_ns, event.runtime, event.worker, sleeps))
                }));
            }
        }
        changes.sort_unstable();
        let worker = |(_, runtime, worker, _): &(u64, u8, u16, bool)| (*runtime, *worker);
        let mut awake: BTreeSet<(u8, u16)> = changes.iter().map(worker).collect();
        let mut spans = Vec::new();
        let mut since = None;
        for change in &changes {
            let (at_ns, _, _, sleeps) = *change;
            match sleeps {
                true => awake.remove(&worker(change)),
                false => awake.insert(worker(change)),
            };
            match since {
                Some(from) if !awake.is_empty() => {
                    spans.push((from, at_ns));
                    since = None;
                }
                None if awake.is_empty() => since = Some(at_ns),
                _ => {}
            }
        }
        Asleep::from_spans(spans)
    }

    /// Spans in their order.
    pub(crate) fn from_spans(spans: Vec<(u64, u64)>) -> Asleep {
        let mut sum = 0_u64;
        let before = spans
            .iter()
            .map(|(from, until)| {
                let before = sum;
                sum = sum.saturating_add(until.saturating_sub(*from));
                before
            })
            .collect();
        Asleep { spans, before }
    }

    /// How much of the time between two moments all workers slept, in nanoseconds.
    pub fn within(&self, from: u64, until: u64) -> u64 {
        self.up_to(until).saturating_sub(self.up_to(from))
    }

    fn up_to(&self, at: u64) -> u64 {
        let next = self.spans.partition_point(|(from, _)| *from < at);
        let Some(last) = next.checked_sub(1) else { return 0 };
        let (from, until) = self.spans[last];
        self.before[last].saturating_add(at.min(until).saturating_sub(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::scheduler::Event;

    /// One lane for each worker: its parks and unparks in turn, beginning with a park.
    struct Workers(Vec<Vec<u64>>);

    impl Blocks for Workers {
        fn lanes(&self) -> usize {
            self.0.len()
        }
        fn blocks(&self, _: usize) -> usize {
            1
        }
        fn read(&self, lane: usize, _: usize, into: &mut Vec<Event>) {
            let whats = [What::Park, What::Unpark].into_iter().cycle();
            let events = self.0[lane].iter().zip(whats).map(|(at_ns, what)| Event {
                what,
                at_ns: *at_ns,
                length_ns: 0,
                task: 0,
                latency_ns: None,
                place: 0,
                worker: lane as u16,
                runtime: 0,
                budget_spent: false,
                open: false,
            });
            into.splice(.., events);
        }
    }

    fn known() -> Known {
        Known { sees_polls: true, ..Known::default() }
    }

    #[test]
    fn the_example_of_the_documentation() {
        let asleep = Asleep::of(&Workers(vec![vec![10, 50], vec![20, 60, 70]]), &known());
        assert_eq!(asleep.spans, [(20, 50)], "worker 1 slept last, and worker 0 does not again");
        assert_eq!(
            (asleep.within(0, 100), asleep.within(30, 45), asleep.within(45, 99)),
            (30, 15, 5)
        );
        assert_eq!((asleep.within(0, 20), asleep.within(50, 99), asleep.within(9, 3)), (0, 0, 0));
    }

    #[test]
    fn several_spans_add_up() {
        let asleep = Asleep::of(&Workers(vec![vec![10, 20, 30, 50]]), &known());
        assert_eq!(
            (asleep.within(0, 99), asleep.within(15, 40), asleep.within(35, 45)),
            (30, 15, 10)
        );
    }

    #[test]
    fn a_recording_that_lacks_events_knows_of_no_sleep() {
        let workers = Workers(vec![vec![10, 20]]);
        for lacks in [Known { cut: true, ..known() }, Known { sees_polls: false, ..known() }] {
            assert_eq!(Asleep::of(&workers, &lacks), Asleep::default());
        }
    }
}
