//! Holders and waiters of watched locks and channels, and the list of all locks and channels.

use crate::clock;
use crate::task_number::number_of;
use lab_recording::post_mortem::{Party, Watched, WatchedKind};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::Duration;

/// Number of attempts of a snapshot to take an internal lock, before it skips the entry.
const TRIES: usize = 100;
/// Sleep between two attempts.
const PAUSE: Duration = Duration::from_micros(50);

static ALL: Mutex<Vec<Weak<State>>> = Mutex::new(Vec::new());

/// All locks and channels that are held or waited for, in the order of their creation, with ages at
/// `now_ns` of `CLOCK_MONOTONIC`. Takes a few milliseconds at most: an entry that another thread
/// keeps locked for longer is left out.
pub fn snapshot(now_ns: u64) -> Vec<Watched> {
    let Some(all) = try_lock_for_a_while(&ALL) else { return Vec::new() };
    let all: Vec<Arc<State>> = all.iter().filter_map(Weak::upgrade).collect();
    all.iter().filter_map(|state| state.watched(now_ns)).collect()
}

fn try_lock_for_a_while<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
    None
}

/// The role of a task or thread at a watched lock or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It holds the lock.
    Holds,
    /// It waits for the lock, or for room in the channel.
    Waits,
    /// It waits for a message.
    WaitsToReceive,
    /// It was the last to send through a handle.
    Sends,
    /// It was the last to receive.
    Receives,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    role: Role,
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
    /// The state of a new lock or channel, added to the list.
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
            // Doubles the room, even if some entries were removed: otherwise a list that is nearly
            // full would be searched for dropped entries at each insertion.
            let more = all.len().max(8);
            all.reserve(more);
        }
        all.push(Arc::downgrade(&state));
        state
    }

    /// Records the calling task or thread in a role, until the guard is dropped.
    pub(super) fn record(
        self: &Arc<State>,
        role: Role,
        at: &'static Location<'static>,
    ) -> RoleGuard {
        let (tid, task, since_ns) = (tid(), task(), clock::now_ns());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let number = entries.next;
        entries.next += 1;
        entries.list.push(Entry { number, role, tid, task, since_ns, at });
        RoleGuard { state: Arc::clone(self), number }
    }

    /// The holders and waiters; none if there are none.
    fn watched(&self, now_ns: u64) -> Option<Watched> {
        let list = try_lock_for_a_while(&self.entries)?.list.clone();
        let parties = |role: Role| -> Vec<Party> {
            let entries = list.iter().filter(|entry| entry.role == role);
            entries.map(|entry| entry.party(now_ns)).collect()
        };
        let holders = parties(Role::Holds);
        let senders = parties(Role::Waits); // or the waiters of a lock
        let receivers = parties(Role::WaitsToReceive);
        if holders.is_empty() && senders.is_empty() && receivers.is_empty() {
            return None;
        }
        // A waiting sender is woken by the receiver, and a waiting receiver by a sender.
        let mut others = Vec::new();
        if !senders.is_empty() {
            others.extend(parties(Role::Receives));
        }
        if !receivers.is_empty() {
            others.extend(parties(Role::Sends));
        }
        Some(Watched {
            kind: self.kind,
            name: self.name.clone(),
            place: place(self.made),
            holders,
            waiters: [senders, receivers].concat(),
            others,
        })
    }
}

impl Entry {
    fn party(&self, now_ns: u64) -> Party {
        let for_ms = now_ns.saturating_sub(self.since_ns) as f64 / 1e6;
        Party { tid: self.tid, task: self.task, for_ms, place: place(self.at) }
    }
}

/// A recorded role; its drop removes the record.
#[derive(Debug)]
pub(super) struct RoleGuard {
    state: Arc<State>,
    number: u64,
}

impl Drop for RoleGuard {
    fn drop(&mut self) {
        let mut entries = self.state.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.list.retain(|entry| entry.number != self.number);
    }
}

fn place(at: &Location<'_>) -> String {
    format!("{}:{}", at.file(), at.line())
}

/// The kernel's number of the calling thread, cached because reading it is a system call.
fn tid() -> u32 {
    std::thread_local!(static TID: u32 = read_tid());
    // The cache of a thread that is ending may be destroyed already.
    TID.try_with(|tid| *tid).unwrap_or_else(|_| read_tid())
}

#[cfg(target_os = "linux")]
fn read_tid() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

#[cfg(not(target_os = "linux"))]
fn read_tid() -> u32 {
    0
}

/// The number of the calling task; none outside of tasks.
fn task() -> Option<u64> {
    tokio::task::try_id().map(|id| number_of(&id))
}
