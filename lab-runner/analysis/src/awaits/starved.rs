//! Parts of a future that were woken while the future awaited something else.
//!
//! A task polls one future, and that one decides what inside it is polled. A stream of buffered
//! downloads, say, is polled while its consumer asks for the next page, and not while the consumer
//! stores one:
//!
//! ```text
//! consumer   awaits next │ awaits store ───────────────────────│ awaits next
//! stream     polled      │              woken ─ starved ───────│ polled
//! ```
//!
//! A wake through a waker that was cloned in an earlier poll than the last one, while the wait of
//! the last poll goes on, is such a wake. The part is starved until its place is awaited again.

use crate::awaits::{Places, Site};
use lab_recording::awaits::{Future, Kind, Record, Recording};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Starvation at one place by what was awaited there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Starved {
    /// Where the part of the future was awaited that was not polled.
    pub kept: Site,
    /// Where the future awaited meanwhile, in the function that both have in common.
    #[serde(rename = "meanwhile")]
    pub blamed: Site,
    /// What was awaited there.
    pub awaited: Site,
    /// Wakes.
    pub wakes: u64,
    /// Futures.
    pub futures: u64,
    /// Time from these wakes to the next poll, in milliseconds.
    pub ms: f64,
    /// The longest of them, in milliseconds.
    pub longest_ms: f64,
    /// The time of all waits of these futures, in milliseconds.
    pub of_ms: f64,
}

/// All starvation in a recording, the costliest first. What is woken by the end of a task has
/// nothing left to do and is left out.
pub fn starved(recording: &Recording, places: &Places) -> Vec<Starved> {
    let mut waits: HashMap<Future, Vec<&Record>> = HashMap::new();
    let is_wait = |record: &&Record| {
        matches!(record.kind, Kind::Woken | Kind::Polled | Kind::Open | Kind::Runnable)
    };
    recording
        .records
        .iter()
        .filter(is_wait)
        .for_each(|record| waits.entry(record.future).or_default().push(record));
    waits.values_mut().for_each(|waits| waits.sort_by_key(|wait| wait.begin_ns));
    let end_ns =
        recording.closed_ns.map_or(u64::MAX, |closed| closed.saturating_sub(recording.start_ns));
    let mut found: BTreeMap<(Site, Site, Site), (Starved, BTreeSet<Future>)> = BTreeMap::new();
    let mut until: HashMap<(Future, u16), u64> = HashMap::new();
    let stale = recording.records.iter().filter(|record| record.kind == Kind::Stale);
    for wake in stale {
        let Some(place) = places.get(wake.place) else { continue };
        if places.get(wake.waker_stack).is_some_and(|waker| waker.ends_task) {
            continue;
        }
        let of_future = waits.get(&wake.future).map(Vec::as_slice).unwrap_or_default();
        let Some((meanwhile, polled_ns)) = around(of_future, wake, end_ns) else { continue };
        // A second wake before the poll finds the part starved already.
        let before = until.entry((wake.future, wake.place)).or_default();
        if wake.begin_ns < *before {
            continue;
        }
        *before = polled_ns;
        let Some(awaited) = places.get(meanwhile.place) else { continue };
        let Some((_, blamed)) = place.meet(awaited) else { continue };
        let key = (place.site.clone(), blamed.clone(), awaited.site.clone());
        let (starved, futures) = found.entry(key.clone()).or_insert_with(|| {
            let (kept, blamed, awaited) = key;
            let none = (0, 0, 0.0, 0.0, 0.0);
            let (wakes, futures, ms, longest_ms, of_ms) = none;
            (
                Starved { kept, blamed, awaited, wakes, futures, ms, longest_ms, of_ms },
                BTreeSet::new(),
            )
        });
        let ms = polled_ns.saturating_sub(wake.begin_ns) as f64 / 1e6;
        starved.wakes += 1;
        starved.ms += ms;
        starved.longest_ms = starved.longest_ms.max(ms);
        futures.insert(wake.future);
    }
    let time_of = |future: &Future| -> f64 {
        let waits = waits.get(future).map(Vec::as_slice).unwrap_or_default();
        waits.iter().map(|wait| (wait.awaited_ns + wait.runnable_ns) as f64 / 1e6).sum()
    };
    let mut all: Vec<Starved> = found
        .into_values()
        .map(|(starved, futures)| Starved {
            futures: futures.len() as u64,
            of_ms: futures.iter().map(time_of).sum(),
            ..starved
        })
        .collect();
    all.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    all
}

/// The wait during which a part was woken, and the time at which that part was polled again: at the
/// latest when its place is awaited again, or when the future awaits a third place.
fn around<'a>(waits: &[&'a Record], wake: &Record, end_ns: u64) -> Option<(&'a Record, u64)> {
    let during = waits.partition_point(|wait| wait.begin_ns <= wake.begin_ns).checked_sub(1)?;
    let meanwhile = waits[during];
    let next = waits[during + 1..].iter().find(|wait| wait.place != meanwhile.place);
    Some((meanwhile, next.map_or(end_ns, |wait| wait.begin_ns).min(end_ns)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::awaits::Place;
    use crate::stacks::runtime_frames::Awaited;
    use lab_recording::awaits::Waker;

    fn site(function: &str, line: u32) -> Site {
        let (awaits, call) = (Awaited::Timer, "sleep".to_owned());
        Site { awaits, call, function: Some(function.into()), file: None, line: Some(line) }
    }

    fn place(own: &[(&str, u32)], ends_task: bool) -> Place {
        let own: Vec<Site> = own.iter().map(|(function, line)| site(function, *line)).collect();
        Place { site: own[0].clone(), own, releases: false, ends_task, stack: Vec::new() }
    }

    /// 1 is the stream in `import`, 2 is `store` that `import` awaits, 3 a timer, 4 the end of a task.
    fn places() -> Places {
        Places::of([
            (1, place(&[("shop::import", 39)], false)),
            (2, place(&[("shop::store", 30), ("shop::import", 40)], false)),
            (3, place(&[("shop::tick", 1)], false)),
            (4, place(&[("shop::fetch", 2)], true)),
        ])
    }

    fn record(kind: Kind, place: u16, begin_ms: u64, awaited_ms: u64, waker_stack: u16) -> Record {
        Record {
            kind,
            future: Future::Request(0),
            place,
            waker: Waker::Outside,
            waker_stack,
            begin_ns: begin_ms * 1_000_000,
            awaited_ns: awaited_ms * 1_000_000,
            runnable_ns: 0,
        }
    }

    fn found(waker_stack: u16) -> Vec<Starved> {
        let records = vec![
            record(Kind::Woken, 1, 0, 10, 3),
            record(Kind::Stale, 1, 15, 0, waker_stack),
            record(Kind::Woken, 2, 11, 4, 3),
            record(Kind::Woken, 2, 16, 25, 3),
            record(Kind::Open, 1, 41, 9, 3),
        ];
        starved(
            &Recording { closed_ns: Some(50_000_000), records, ..Recording::default() },
            &places(),
        )
    }

    #[test]
    fn a_part_is_starved_from_its_wake_until_its_place_is_awaited_again() {
        let found = found(3);
        assert_eq!(found.len(), 1);
        let Starved { kept, blamed, awaited, wakes, futures, ms, .. } = &found[0];
        assert_eq!((kept.line, blamed.line, awaited.line), (Some(39), Some(40), Some(30)));
        assert_eq!((blamed.function.as_deref(), *wakes, *futures), (Some("shop::import"), 1, 1));
        assert_eq!(*ms, 26.0);
    }

    #[test]
    fn what_the_end_of_a_task_wakes_has_nothing_left_to_do() {
        assert!(found(4).is_empty());
    }
}
