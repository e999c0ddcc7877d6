//! The part of each wait in which the program itself waited for what is outside of it.

use crate::awaits::Places;
use crate::scheduler::Asleep;
use crate::stacks::runtime_frames::Awaited;
use lab_recording::awaits::{Future, Kind, Record, Recording, Waker};
use std::collections::HashMap;

/// Of each wait the time for which a timer, a socket or the end of a task was waited for, by the
/// future itself or by the one that it waits for.
#[derive(Debug, Default)]
pub struct Outside {
    /// The waits of each future that ended, in their order.
    by_future: HashMap<Future, Vec<Wait>>,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    begin_ns: u64,
    awaited_ns: u64,
    outside_ns: u64,
}

impl Outside {
    /// Goes through all waits in the order of their ends, so that what a wait waited for is known
    /// before it.
    ///
    /// - A wait that a timer, a socket or the end of a task ended is outside as a whole.
    /// - A wait for a message from another task: while all workers slept.
    /// - A wait for a lock: while its holder, a followed future, waited outside or for the lock.
    ///
    /// *Example:* A holds a lock while a database answers from 0 to 10, and B, which waits from 2,
    /// from 10 to 20. C waits from 4 to 20, and B gives it the lock. B waited 8 outside, since A did.
    /// So C waited outside from 4 to 10, since B did, and from 10 to 20, for B's query.
    pub fn new(recording: &Recording, places: &Places, asleep: &Asleep) -> Outside {
        let woken = recording.records.iter().filter(|record| record.kind == Kind::Woken);
        let mut ended: Vec<&Record> = woken.collect();
        ended.sort_by_key(|record| record.begin_ns.saturating_add(record.awaited_ns));
        let mut all = Outside::default();
        for record in ended {
            let outside_ns = match kind(record, places) {
                What::Outside => record.awaited_ns,
                What::Message => {
                    let from = recording.start_ns.saturating_add(record.begin_ns);
                    asleep.within(from, from.saturating_add(record.awaited_ns))
                }
                What::LockOf(holder) => all.overlap(holder, record),
                What::Other => 0,
            };
            let Record { begin_ns, awaited_ns, .. } = *record;
            let outside_ns = outside_ns.min(awaited_ns);
            let wait = Wait { begin_ns, awaited_ns, outside_ns };
            all.by_future.entry(record.future).or_default().push(wait);
        }
        all
    }

    /// The part of a wait that is outside, in nanoseconds.
    pub fn of(&self, record: &Record) -> u64 {
        let waits = self.by_future.get(&record.future).map(Vec::as_slice).unwrap_or_default();
        let at = waits.partition_point(|wait| wait.begin_ns < record.begin_ns);
        waits.get(at).filter(|wait| wait.begin_ns == record.begin_ns).map_or(0, |of| of.outside_ns)
    }

    /// How much of a wait another future spent outside. Where only a part of a wait overlaps, the
    /// same part of its time outside counts.
    fn overlap(&self, holder: Future, record: &Record) -> u64 {
        let until = record.begin_ns.saturating_add(record.awaited_ns);
        let waits = self.by_future.get(&holder).map(Vec::as_slice).unwrap_or_default();
        let share = |wait: &Wait| {
            let end = wait.begin_ns.saturating_add(wait.awaited_ns).min(until);
            let both = end.saturating_sub(wait.begin_ns.max(record.begin_ns));
            both as f64 * wait.outside_ns as f64 / wait.awaited_ns.max(1) as f64
        };
        let late = waits.iter().rev();
        let overlaps =
            late.take_while(|wait| wait.begin_ns.saturating_add(wait.awaited_ns) > record.begin_ns);
        overlaps.map(share).sum::<f64>() as u64
    }
}

/// What a wait was for.
enum What {
    Outside,
    Message,
    LockOf(Future),
    Other,
}

fn kind(record: &Record, places: &Places) -> What {
    let waker = places.stack(record.waker_stack);
    if waker.is_some_and(|of| of.ends_task || of.site.awaits.is_outside() && of.own.is_empty()) {
        return What::Outside;
    }
    let awaited = places.at(record).map(|(_, place)| place.site.awaits);
    match (awaited, record.waker) {
        (Some(Awaited::Channel), Waker::Followed(_) | Waker::Task(_)) => What::Message,
        (Some(Awaited::Lock), Waker::Followed(holder))
            if waker.is_some_and(|of| of.releases) && holder != record.future =>
        {
            What::LockOf(holder)
        }
        _ => What::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::awaits::Place;
    use lab_recording::frame::Frame;

    fn place(functions: &[&str]) -> Place {
        let frame = |function: &&str| {
            let own = function.starts_with("shop");
            let file = if own { "src/lib.rs" } else { "/registry/src/i/tokio-1.54.1/src/lib.rs" };
            Frame { function: (*function).into(), file: Some(file.into()), line: Some(7) }
        };
        Place::of_stack(functions.iter().map(frame).collect())
    }

    const TIMER: u16 = 1;
    const LOCK: u16 = 2;
    const RELEASE: u16 = 3;
    const MESSAGE: u16 = 4;

    fn places() -> Places {
        let stacks = [
            (TIMER, place(&["tokio::runtime::time::wheel::Wheel::poll"])),
            (LOCK, place(&["tokio::sync::mutex::Mutex::lock", "shop::pay::{{closure}}"])),
            (
                RELEASE,
                place(&[
                    "tokio::sync::batch_semaphore::Semaphore::add_permits_locked",
                    "<tokio::sync::mutex::MutexGuard<T> as core::ops::drop::Drop>::drop",
                    "shop::pay::{{closure}}",
                ]),
            ),
            (MESSAGE, place(&["tokio::sync::oneshot::Receiver::poll", "shop::ask::{{closure}}"])),
        ];
        Places::of(stacks, [(LOCK, vec![LOCK]), (TIMER, vec![TIMER]), (MESSAGE, vec![MESSAGE])])
    }

    fn wait(request: u32, place: u16, by: (Waker, u16), begin_ns: u64, until: u64) -> Record {
        Record {
            kind: Kind::Woken,
            future: Future::Request(request),
            place,
            leaf: 1,
            waker: by.0,
            waker_stack: by.1,
            begin_ns,
            awaited_ns: until - begin_ns,
            runnable_ns: 0,
        }
    }

    fn outside(records: &[Record], asleep: &Asleep) -> Vec<u64> {
        let recording = Recording { records: records.to_vec(), ..Recording::default() };
        let outside = Outside::new(&recording, &places(), asleep);
        records.iter().map(|record| outside.of(record)).collect()
    }

    fn released_by(request: u32) -> (Waker, u16) {
        (Waker::Followed(Future::Request(request)), RELEASE)
    }

    const BY_TIMER: (Waker, u16) = (Waker::Outside, TIMER);

    #[test]
    fn the_example_of_the_documentation() {
        let records = [
            wait(0, TIMER, BY_TIMER, 0, 10),
            wait(1, LOCK, released_by(0), 2, 10),
            wait(1, TIMER, BY_TIMER, 10, 20),
            wait(2, LOCK, released_by(1), 4, 20),
        ];
        assert_eq!(outside(&records, &Asleep::default()), [10, 8, 10, 16]);
    }

    #[test]
    fn a_holder_that_waits_for_nothing_outside_explains_nothing() {
        let records = [
            wait(0, MESSAGE, (Waker::Outside, MESSAGE), 0, 10),
            wait(1, LOCK, released_by(0), 2, 10),
            wait(2, LOCK, (Waker::Task(3), RELEASE), 2, 10),
        ];
        assert_eq!(outside(&records, &Asleep::default()), [0, 0, 0]);
    }

    #[test]
    fn a_message_is_outside_while_all_workers_sleep() {
        let asleep = Asleep::from_spans(vec![(3, 9)]);
        let by_task = (Waker::Task(3), MESSAGE);
        assert_eq!(outside(&[wait(0, MESSAGE, by_task, 1, 10)], &asleep), [6]);
        let by_thread = (Waker::Outside, MESSAGE);
        assert_eq!(outside(&[wait(0, MESSAGE, by_thread, 1, 10)], &asleep), [0]);
    }
}
