//! Parts of a future that are not polled while the future awaits something else.
//!
//! A task polls one future, and that one decides what inside it is polled. A stream of buffered
//! downloads, say, is polled while its consumer asks for the next page, and not while the consumer
//! stores one:
//!
//! ```text
//! consumer   awaits next │ awaits store ───────────────────────│ awaits next
//! stream     polled      │ left ───── woken ───────────────────│ polled
//! ```
//!
//! Two kinds of evidence. A part that is woken after the future has left its place is starved from
//! the wake until the future awaits something else. A set of futures, whose every poll clones the
//! waker, is starved from the poll that left it to the poll that comes back to it, if timers or
//! sockets wake what is in it: members that are already woken wake nobody a second time, and cannot
//! go on either. Members that are tasks of their own do go on, and only their results wait.

use crate::awaits::{Place, Places, Site, by_future};
use crate::stacks::runtime_frames::Awaited;
use lab_recording::awaits::{Future, Kind, Record, Recording, Waker};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Starvation at one place by what was awaited meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Starved {
    /// The place of the part that was not polled, and the user's functions that called it.
    pub kept: Vec<Site>,
    /// Where the future awaited meanwhile, in the function that both have in common.
    #[serde(rename = "meanwhile")]
    pub blamed: Site,
    /// What was awaited there, and the user's functions that called it.
    pub awaited: Vec<Site>,
    /// How often the part was not polled.
    pub times: u64,
    /// Futures.
    pub futures: u64,
    /// Futures whose part was not polled any more until the end of the recording.
    pub for_ever: u64,
    /// Time without a poll, in milliseconds.
    pub ms: f64,
    /// The longest of these times, in milliseconds.
    pub longest_ms: f64,
    /// The time of all waits of these futures, in milliseconds.
    pub of_ms: f64,
}

/// One part of a future without a poll.
struct Unpolled<'a> {
    part: &'a Place,
    awaited: &'a Place,
    from_ns: u64,
    until_ns: u64,
    for_ever: bool,
}

/// All starvation in a recording, the costliest first.
pub fn starved(recording: &Recording, places: &Places) -> Vec<Starved> {
    let woken_from_outside = woken_from_outside(recording, places);
    let mut found: BTreeMap<[Vec<Site>; 2], (Starved, BTreeSet<Future>)> = BTreeMap::new();
    let mut time: HashMap<Future, f64> = HashMap::new();
    for (future, records) in by_future(recording) {
        let waits: Vec<&Record> = records.iter().copied().filter(is_wait).collect();
        let ms = |wait: &&Record| (wait.awaited_ns + wait.runnable_ns) as f64 / 1e6;
        time.insert(future, waits.iter().map(ms).sum());
        let woken = records.iter().filter_map(|wake| woken_part(places, &waits, wake));
        let left = left_sets(places, &waits, &woken_from_outside);
        let mut until_ns: BTreeMap<&[Site], u64> = BTreeMap::new();
        for unpolled in woken.chain(left) {
            // What is starved already cannot be starved by another wake.
            let before = until_ns.entry(&unpolled.part.own).or_default();
            if unpolled.from_ns >= *before {
                *before = unpolled.until_ns;
                add(&mut found, future, &unpolled);
            }
        }
    }
    let of_ms = |futures: &BTreeSet<Future>| futures.iter().filter_map(|of| time.get(of)).sum();
    let with_futures = found.into_values().map(|(starved, futures)| Starved {
        futures: futures.len() as u64,
        of_ms: of_ms(&futures),
        ..starved
    });
    let mut all: Vec<Starved> = with_futures.collect();
    all.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    all
}

fn is_wait(record: &&Record) -> bool {
    !matches!(record.kind, Kind::Stale | Kind::Kept)
}

fn end_of(wait: &Record) -> u64 {
    wait.begin_ns + wait.awaited_ns + wait.runnable_ns
}

/// A part that a wake came through after its future had left it.
fn woken_part<'a>(places: &'a Places, waits: &[&Record], wake: &Record) -> Option<Unpolled<'a>> {
    if !matches!(wake.kind, Kind::Woken | Kind::Runnable | Kind::Stale) {
        return None;
    }
    let (stack, part, true) = places.woken_at(wake)? else { return None };
    // What the end of a task wakes has nothing left to do.
    if places.stack(wake.waker_stack).is_some_and(|waker| waker.ends_task) {
        return None;
    }
    let woken_ns = wake.begin_ns + wake.awaited_ns;
    let during = waits.partition_point(|wait| wait.begin_ns <= woken_ns).checked_sub(1)?;
    let (at, awaited) = places.at(waits[during])?;
    let (_, blamed) = part.part(awaited)?;
    // The part is polled again at the latest when the future awaits something else, or ends.
    let next = waits[during + 1..].iter().find(|wait| {
        places.at(wait).is_none_or(|(next, _)| next != at) || places.polled(wait, stack)
    });
    let last = waits.last()?;
    part.is_part(blamed).then_some(Unpolled {
        part,
        awaited,
        from_ns: woken_ns,
        until_ns: next.map_or(end_of(last), |wait| wait.begin_ns),
        for_ever: next.is_none() && last.kind == Kind::Open,
    })
}

/// The times in which a set of futures was left, up to the poll that came back to it.
fn left_sets<'a>(
    places: &'a Places,
    waits: &[&Record],
    woken_from_outside: &BTreeSet<&Site>,
) -> Vec<Unpolled<'a>> {
    let mut all = Vec::new();
    for (number, wait) in waits.iter().enumerate() {
        let Some((_, awaited)) = places.at(wait) else { continue };
        let sets = places.left(wait).filter(|(_, place)| {
            place.clones_in_every_poll() && woken_from_outside.contains(&place.site)
        });
        for (stack, part) in sets {
            let back = waits[number + 1..].iter().find(|wait| places.polled(wait, stack));
            all.extend(back.map(|back| Unpolled {
                part,
                awaited,
                from_ns: wait.begin_ns,
                until_ns: back.begin_ns,
                for_ever: false,
            }));
        }
    }
    all
}

/// The sets whose members are woken by timers and sockets in most cases.
fn woken_from_outside<'a>(recording: &Recording, places: &'a Places) -> BTreeSet<&'a Site> {
    let mut wakes: BTreeMap<&Site, (u64, u64)> = BTreeMap::new();
    for wake in recording.records.iter().filter(|record| record.kind == Kind::Woken) {
        let Some((_, place, _)) = places.woken_at(wake) else { continue };
        // A set that gives way to others wakes itself.
        if place.site.awaits != Awaited::Set || wake.waker == Waker::Followed(wake.future) {
            continue;
        }
        let Some(waker) = places.stack(wake.waker_stack) else { continue };
        let (outside, all) = wakes.entry(&place.site).or_default();
        *outside += u64::from(waker.own.is_empty() && !waker.ends_task);
        *all += 1;
    }
    let mostly = wakes.into_iter().filter(|(_, (outside, all))| 2 * outside >= *all);
    mostly.map(|(site, _)| site).collect()
}

fn add(
    found: &mut BTreeMap<[Vec<Site>; 2], (Starved, BTreeSet<Future>)>,
    future: Future,
    unpolled: &Unpolled<'_>,
) {
    let Unpolled { part, awaited, from_ns, until_ns, for_ever } = unpolled;
    let Some((_, blamed)) = part.part(awaited) else { return };
    let (kept, awaited) = (part.own.clone(), awaited.own.clone());
    let (starved, futures) = found.entry([kept.clone(), awaited.clone()]).or_insert_with(|| {
        let (blamed, none) = (blamed.clone(), (0, 0, 0, 0.0, 0.0, 0.0));
        let (times, futures, for_ever, ms, longest_ms, of_ms) = none;
        let starved =
            Starved { kept, blamed, awaited, times, futures, for_ever, ms, longest_ms, of_ms };
        (starved, BTreeSet::new())
    });
    let ms = until_ns.saturating_sub(*from_ns) as f64 / 1e6;
    starved.times += 1;
    starved.for_ever += u64::from(*for_ever);
    starved.ms += ms;
    starved.longest_ms = starved.longest_ms.max(ms);
    futures.insert(future);
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::frame::Frame;

    fn site(function: &str, line: u32) -> Site {
        let (awaits, call) = (Awaited::Timer, "sleep".to_owned());
        Site { awaits, call, function: Some(function.into()), file: None, line: Some(line) }
    }

    fn place(own: &[(&str, u32)]) -> Place {
        let own: Vec<Site> = own.iter().map(|(function, line)| site(function, *line)).collect();
        let nowhere = Site { function: None, line: None, ..site("", 0) };
        Place {
            site: own.first().cloned().unwrap_or(nowhere),
            own,
            releases: false,
            ends_task: false,
            stack: Vec::new(),
        }
    }

    fn unordered() -> Place {
        let poll = "futures_util::stream::futures_unordered::FuturesUnordered<F>::poll_next";
        let stack = vec![Frame { function: poll.into(), file: None, line: None }];
        let mut set = Place { stack, ..place(&[("shop::import", 39)]) };
        set.site.awaits = Awaited::Set;
        set.own[0].awaits = Awaited::Set;
        set
    }

    /// 1 is a set in line 39 of `import`, 2 is `store` that its line 40 awaits, 3 is a part of the
    /// user's own in line 39; 4 is a timer and 5 the end of a task.
    fn places() -> Places {
        Places::of(
            [
                (1, unordered()),
                (2, place(&[("shop::store", 30), ("shop::import", 40)])),
                (3, place(&[("shop::fetch", 7), ("shop::import", 39)])),
                (4, place(&[])),
                (5, Place { ends_task: true, ..place(&[]) }),
            ],
            [(1, vec![1]), (2, vec![2]), (3, vec![3]), (12, vec![1, 2])],
        )
    }

    fn record(kind: Kind, set: u16, leaf: u8, begin_ms: u64, awaited_ms: u64) -> Record {
        Record {
            kind,
            future: Future::Request(0),
            place: set,
            leaf,
            waker: Waker::Outside,
            waker_stack: 4,
            begin_ns: begin_ms * 1_000_000,
            awaited_ns: awaited_ms * 1_000_000,
            runnable_ns: 0,
        }
    }

    fn found(records: Vec<Record>) -> Vec<Starved> {
        starved(
            &Recording { closed_ns: Some(50_000_000), records, ..Recording::default() },
            &places(),
        )
    }

    #[test]
    fn a_part_that_is_woken_is_starved_until_the_future_awaits_something_else() {
        let found = found(vec![
            record(Kind::Woken, 3, 1, 0, 10),
            record(Kind::Stale, 3, 1, 15, 0),
            record(Kind::Woken, 2, 1, 11, 4),
            record(Kind::Woken, 2, 1, 16, 25),
            record(Kind::Open, 3, 0, 41, 9),
        ]);
        assert_eq!(found.len(), 1);
        let Starved { kept, blamed, awaited, times, futures, ms, for_ever, .. } = &found[0];
        assert_eq!((kept[0].line, blamed.line, awaited[0].line), (Some(7), Some(40), Some(30)));
        assert_eq!((blamed.function.as_deref(), *times, *futures), (Some("shop::import"), 1, 1));
        assert_eq!((*ms, *for_ever), (26.0, 0));
    }

    #[test]
    fn a_part_that_is_never_polled_again_is_starved_for_ever() {
        let found = found(vec![record(Kind::Stale, 3, 1, 15, 0), record(Kind::Open, 2, 0, 11, 39)]);
        assert_eq!((found[0].for_ever, found[0].ms), (1, 35.0));
    }

    /// A set is woken, left for `store` in the same poll, and comes back after that.
    fn left_set(waker_stack: u16) -> Vec<Starved> {
        found(vec![
            Record { waker_stack, ..record(Kind::Woken, 1, 1, 0, 10) },
            record(Kind::Woken, 12, 2, 10, 30),
            Record { waker_stack, ..record(Kind::Woken, 1, 1, 40, 5) },
        ])
    }

    #[test]
    fn a_set_that_is_left_is_starved_until_it_is_polled_again() {
        let found = left_set(4);
        assert_eq!((found.len(), found[0].times, found[0].ms), (1, 1, 30.0));
        assert_eq!((found[0].kept[0].line, found[0].blamed.line), (Some(39), Some(40)));
    }

    #[test]
    fn members_that_are_tasks_go_on_by_themselves() {
        assert!(left_set(5).is_empty());
    }
}
