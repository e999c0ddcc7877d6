//! Holders and waiters of watched locks and channels, and the list of all that exist.

use crate::clock;
use crate::task_number::number_of;
use lab_recording::post_mortem::{Party, Watched, WatchedKind};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::Duration;

/// How often a snapshot tries a lock that another thread holds, before it goes on without it.
const TRIES: usize = 100;
/// What it sleeps in between.
const PAUSE: Duration = Duration::from_micros(50);

static ALL: Mutex<Vec<Weak<State>>> = Mutex::new(Vec::new());

/// All locks and channels that are held or waited for, in the order in which they were made, with
/// ages at `now_ns` of `CLOCK_MONOTONIC`. It never waits for long: what another thread keeps locked
/// for milliseconds is left out.
pub fn snapshot(now_ns: u64) -> Vec<Watched> {
    let all: Vec<_> =
        tried(&ALL).map(|all| all.iter().filter_map(Weak::upgrade).collect()).unwrap_or_default();
    all.iter().filter_map(|state| state.watched(now_ns)).collect()
}

fn tried<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
    None
}

/// What a task or a thread is to a watched lock or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Holds,
    /// For a lock, or for room in a channel.
    Waits,
    /// For a message.
    WaitsToReceive,
    /// Sent last through a handle.
    Sends,
    /// Received last.
    Receives,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    part: Part,
    tid: u32,
    task: Option<u64>,
    since_ns: u64,
    at: &'static Location<'static>,
}

/// The record of a watched lock or channel.
#[derive(Debug)]
pub(super) struct State {
    kind: WatchedKind,
    name: String,
    made: &'static Location<'static>,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    list: Vec<Entry>,
}

impl State {
    /// Notes something new.
    pub(super) fn new(
        kind: WatchedKind,
        name: &str,
        made: &'static Location<'static>,
    ) -> Arc<State> {
        let state =
            Arc::new(State { kind, name: name.to_owned(), made, entries: Mutex::default() });
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == all.capacity() {
            all.retain(|state| state.strong_count() > 0);
            // Room for as many again: else a list that is nearly full would be searched for each
            // new one.
            let more = all.len().max(8);
            all.reserve(more);
        }
        all.push(Arc::downgrade(&state));
        state
    }

    /// Notes that the caller's task or thread is this to it, until the note is dropped.
    pub(super) fn note(self: &Arc<State>, part: Part, at: &'static Location<'static>) -> Note {
        let (tid, task, since_ns) = (tid(), task(), clock::now_ns());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let number = entries.next;
        entries.next += 1;
        entries.list.push(Entry { number, part, tid, task, since_ns, at });
        Note { state: Arc::clone(self), number }
    }

    fn watched(&self, now_ns: u64) -> Option<Watched> {
        let list = tried(&self.entries)?.list.clone();
        let of = |part: Part| list.iter().filter(move |entry| entry.part == part);
        let parties = |part: Part| of(part).map(|entry| entry.party(now_ns)).collect::<Vec<_>>();
        let mut others = Vec::new();
        // Senders wait for whoever receives, and receivers for whoever sends.
        for (waits, other) in [(Part::Waits, Part::Receives), (Part::WaitsToReceive, Part::Sends)] {
            if of(waits).next().is_some() {
                others.extend(parties(other));
            }
        }
        let mut waiters = parties(Part::Waits);
        waiters.extend(parties(Part::WaitsToReceive));
        let holders = parties(Part::Holds);
        let (name, place) = (self.name.clone(), place(self.made));
        let somebody = !(holders.is_empty() && waiters.is_empty());
        somebody.then_some(Watched { kind: self.kind, name, place, holders, waiters, others })
    }
}

impl Entry {
    fn party(&self, now_ns: u64) -> Party {
        let for_ms = now_ns.saturating_sub(self.since_ns) as f64 / 1e6;
        Party { tid: self.tid, task: self.task, for_ms, place: place(self.at) }
    }
}

/// Something noted, for as long as it is true.
#[derive(Debug)]
pub(super) struct Note {
    state: Arc<State>,
    number: u64,
}

impl Drop for Note {
    fn drop(&mut self) {
        let mut entries = self.state.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.list.retain(|entry| entry.number != self.number);
    }
}

fn place(at: &Location<'_>) -> String {
    format!("{}:{}", at.file(), at.line())
}

/// The number of the calling thread, read once.
fn tid() -> u32 {
    std::thread_local!(static TID: u32 = asked_tid());
    // A thread that is ending may have forgotten it.
    TID.try_with(|tid| *tid).unwrap_or_else(|_| asked_tid())
}

#[cfg(target_os = "linux")]
fn asked_tid() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

#[cfg(not(target_os = "linux"))]
fn asked_tid() -> u32 {
    0
}

/// The number of the task that calls.
fn task() -> Option<u64> {
    tokio::task::try_id().map(|id| number_of(&id))
}
