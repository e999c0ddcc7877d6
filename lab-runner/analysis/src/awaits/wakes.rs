//! The wake table: who woke whom, how often, and how long the woken waited for their poll.

use crate::awaits::{Places, Site};
use lab_recording::awaits::{Future, Kind, Record, Waker};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows that are kept.
const MOST_WAKES: usize = 32;

/// What called a waker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WokenBy {
    /// The future itself, in its own poll.
    Itself,
    /// Another request, in its poll.
    Request,
    /// A future that the program named, by its name.
    Named(String),
    /// A task that is not followed, by the place of its spawn or by what the kit calls it.
    Task(String),
    /// No task: a driver of the runtime, or a thread of the program.
    Outside,
}

impl WokenBy {
    /// `another request`, `task crate/src/main.rs:8`.
    pub fn in_words(&self) -> String {
        match self {
            WokenBy::Itself => "itself".into(),
            WokenBy::Request => "another request".into(),
            WokenBy::Named(name) => name.clone(),
            WokenBy::Task(place) => format!("task {place}"),
            WokenBy::Outside => "no task".into(),
        }
    }
}

/// Wakes of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wakes {
    /// Where the woken future awaited.
    pub woken: Site,
    /// What called its waker.
    pub by: WokenBy,
    /// The code that called it; none if the stack of the call was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Site>,
    /// How often.
    pub wakes: u64,
    /// The time from the begin of the waits to the calls, in milliseconds.
    pub awaited_ms: f64,
    /// The time from the calls to the polls, in milliseconds.
    pub runnable_ms: f64,
    /// The longest of these.
    pub longest_runnable_ms: f64,
}

/// What the numbers of wakers stand for.
pub struct WakerNames<'a> {
    /// The names of named futures.
    pub futures: &'a [String],
    /// The name of the tasks that were spawned at the place with a number.
    pub task: &'a dyn Fn(u16) -> String,
}

impl WakerNames<'_> {
    fn by(&self, record: &Record) -> WokenBy {
        match record.waker {
            Waker::Followed(by) if by == record.future => WokenBy::Itself,
            Waker::Followed(Future::Request(_)) => WokenBy::Request,
            Waker::Followed(Future::Named(name, _)) => {
                let name = self.futures.get(usize::from(name)).cloned();
                WokenBy::Named(name.unwrap_or_else(|| "a named future".into()))
            }
            Waker::Task(place) => WokenBy::Task((self.task)(place)),
            Waker::Outside => WokenBy::Outside,
        }
    }
}

/// Adds up the wakes of waits, the most frequent ones first.
///
/// *Example:* a request awaits `Mutex::lock` twice, for 4 ms and for 6 ms, and both times a request
/// that drops its guard wakes it, 1 ms and 3 ms before its poll. That is one row: 2 wakes by another
/// request, after 10 ms of waiting, with 4 ms to the polls, 3 ms at most.
pub fn wakes<'a>(
    waits: impl Iterator<Item = &'a Record>,
    places: &Places,
    names: &WakerNames<'_>,
) -> Vec<Wakes> {
    let mut rows: BTreeMap<(Site, WokenBy, Option<Site>), Wakes> = BTreeMap::new();
    for wait in waits.filter(|wait| wait.kind == Kind::Woken) {
        let Some((_, place)) = places.at(wait) else { continue };
        let (woken, by) = (place.site.clone(), names.by(wait));
        let from = places.stack(wait.waker_stack).map(|place| place.site.clone());
        let row = rows.entry((woken.clone(), by.clone(), from.clone())).or_insert_with(|| {
            let none = 0.0;
            let (awaited_ms, runnable_ms, longest_runnable_ms) = (none, none, none);
            Wakes { woken, by, from, wakes: 0, awaited_ms, runnable_ms, longest_runnable_ms }
        });
        let runnable_ms = wait.runnable_ns as f64 / 1e6;
        row.wakes += 1;
        row.awaited_ms += wait.awaited_ns as f64 / 1e6;
        row.runnable_ms += runnable_ms;
        row.longest_runnable_ms = row.longest_runnable_ms.max(runnable_ms);
    }
    let mut rows: Vec<Wakes> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.wakes));
    rows.truncate(MOST_WAKES);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::awaits::Place;
    use lab_recording::frame::Frame;

    fn place(call: &str, function: &str) -> Place {
        let frame = |function: &str, file: &str| Frame {
            function: function.into(),
            file: Some(file.into()),
            line: Some(8),
        };
        Place::of_stack(vec![
            frame(call, "/x/registry/src/i/tokio-1.54.1/src/sync/mutex.rs"),
            frame(function, "/home/me/shop/src/main.rs"),
        ])
    }

    fn wait(awaited_ms: u64, runnable_ms: u64, waker: Waker, waker_stack: u16) -> Record {
        Record {
            kind: Kind::Woken,
            future: Future::Request(1),
            place: 1,
            leaf: 1,
            waker,
            waker_stack,
            begin_ns: 0,
            awaited_ns: awaited_ms * 1_000_000,
            runnable_ns: runnable_ms * 1_000_000,
        }
    }

    #[test]
    fn wakes_are_added_up_by_who_woke_whom_from_where() {
        let places = Places::of(
            [
                (1, place("tokio::sync::mutex::Mutex<T>::lock::{{closure}}", "shop::pay")),
                (2, place("core::ptr::drop_in_place<tokio::sync::MutexGuard<()>>", "shop::pay")),
            ],
            [(1, vec![1])],
        );
        let by = |number| Waker::Followed(Future::Request(number));
        let waits = [
            wait(4, 1, by(2), 2),
            wait(6, 3, by(3), 2),
            wait(5, 0, by(1), 0),
            wait(5, 0, Waker::Followed(Future::Named(0, 7)), 0),
            wait(5, 0, Waker::Task(4), 0),
            wait(5, 0, Waker::Outside, 0),
            Record { kind: Kind::Polled, ..wait(9, 9, by(2), 2) },
        ];
        let task = |number: u16| format!("main.rs:{number}");
        let names = WakerNames { futures: &["audit".into()], task: &task };
        let rows = wakes(waits.iter(), &places, &names);
        let first = &rows[0];
        assert_eq!((first.wakes, first.by.in_words().as_str()), (2, "another request"));
        assert_eq!((first.awaited_ms, first.runnable_ms), (10.0, 4.0));
        assert_eq!(first.longest_runnable_ms, 3.0);
        assert_eq!(first.woken.call, "Mutex::lock");
        assert!(first.from.as_ref().is_some_and(|site| site.call == "MutexGuard"));
        let others: Vec<String> = rows[1..].iter().map(|row| row.by.in_words()).collect();
        assert_eq!(others, ["itself", "audit", "task main.rs:4", "no task"]);
    }
}
