//! Encoding of events as bytes, for the writer, and decoding, for the reader.

use crate::scheduler::format::{Before, Numbers, head, put, put_from};
use crate::scheduler::record::{Kind, Owner, Record};

/// Appends an event.
#[inline]
pub fn put_event(bytes: &mut Vec<u8>, before: &mut Before, event: &Record) {
    let is_poll = is_poll(event.what);
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let has_place = event.place != before.place;
    let has_owner = event.owner != before.owner;
    bytes.push(
        event.what.code()
            | flag(event.latency_ns.is_some(), head::LATENCY)
            | flag(has_place, head::PLACE)
            | flag(has_owner, head::OWNER)
            | flag(event.budget_spent, head::BUDGET_SPENT)
            | flag(event.open, head::OPEN),
    );
    put_from(bytes, before.end, event.at);
    if is_poll {
        put(bytes, event.length);
    }
    event.latency_ns.into_iter().for_each(|ns| put(bytes, ns));
    put_from(bytes, before.task, event.task);
    if has_place {
        put(bytes, u64::from(event.place));
    }
    if has_owner {
        put(bytes, event.owner.to_bits());
    }
    *before = after(event);
}

/// Decodes an event; none at the end, or if the bytes are not a complete event.
#[inline]
pub fn take_event(bytes: &mut Numbers<'_>, before: &mut Before) -> Option<Record> {
    let flags = bytes.byte()?;
    let is = |flag: u8| flags & flag != 0;
    let what = Kind::of(flags & 7).filter(|what| matches!(what, Kind::Event(_)))?;
    let at = bytes.take_from(before.end)?;
    let event = Record {
        what,
        at,
        length: if is_poll(what) { bytes.take()? } else { 0 },
        latency_ns: if is(head::LATENCY) { Some(bytes.take()?) } else { None },
        task: bytes.take_from(before.task)?,
        place: if is(head::PLACE) { bytes.take()? as u16 } else { before.place },
        owner: if is(head::OWNER) { Owner::of_bits(bytes.take()?) } else { before.owner },
        budget_spent: is(head::BUDGET_SPENT),
        open: is(head::OPEN),
    };
    *before = after(&event);
    Some(event)
}

fn is_poll(what: Kind) -> bool {
    what == Kind::Event(crate::scheduler::What::Poll)
}

/// The reference for the next event. After a poll in progress it is the start of the poll: the next
/// event of the thread may be inside that poll, and so before its recorded end.
fn after(event: &Record) -> Before {
    let end = if event.open { event.at } else { event.end() };
    Before { end, task: event.task, place: event.place, owner: event.owner }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scheduler::What;
    use proptest::prelude::*;

    pub fn any_event() -> impl Strategy<Value = Record> {
        let what = prop::sample::select(vec![
            What::Poll,
            What::Poll,
            What::Spawn,
            What::End,
            What::Park,
            What::Unpark,
            What::Thread,
        ]);
        let numbers =
            (any::<u64>(), 0..1_u64 << 40, any::<u64>(), prop::option::of(0..1_u64 << 40));
        (what, numbers, any::<u16>(), 0..64_u8, 0..1_024_u16, any::<(bool, bool)>()).prop_map(
            |(
                what,
                (at, length, task, latency_ns),
                place,
                runtime,
                worker,
                (budget_spent, open),
            )| Record {
                what: Kind::Event(what),
                at,
                length: if what == What::Poll { length } else { 0 },
                task,
                latency_ns,
                place,
                owner: Owner { runtime, worker },
                budget_spent,
                open,
            },
        )
    }

    proptest! {
        #[test]
        fn events_come_back_and_a_cut_leaves_those_before(
            events in prop::collection::vec(any_event(), 0..50),
            cut in 0..40_usize,
        ) {
            let (mut bytes, mut before) = (Vec::new(), Before::default());
            let mut ends = Vec::new();
            for event in &events {
                put_event(&mut bytes, &mut before, event);
                ends.push(bytes.len());
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            let (mut numbers, mut before) = (Numbers(&bytes), Before::default());
            let next = || take_event(&mut numbers, &mut before);
            let read: Vec<Record> = std::iter::from_fn(next).collect();
            let whole = ends.iter().filter(|end| **end <= bytes.len()).count();
            prop_assert_eq!(&read[..], &events[..whole]);
        }
    }

    #[test]
    fn a_poll_like_the_one_before_takes_few_bytes() {
        let (mut bytes, mut before) = (Vec::new(), Before::default());
        let mut at = 1 << 50;
        for number in 0..1_000_u64 {
            let event = Record {
                what: Kind::Event(What::Poll),
                at,
                length: 1_200,
                task: 100_000 + number,
                latency_ns: Some(90_000),
                place: 3,
                owner: Owner { runtime: 0, worker: 1 },
                budget_spent: false,
                open: false,
            };
            at = event.end() + 700;
            put_event(&mut bytes, &mut before, &event);
        }
        assert!(bytes.len() < 9_100, "{} bytes for a thousand polls", bytes.len());
    }
}
