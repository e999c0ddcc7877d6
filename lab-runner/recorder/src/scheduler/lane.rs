//! Lanes: each thread of a runtime records events into a lane of its own. Threads without a lane
//! share one behind a lock.
//!
//! A thread gets its lane at its first poll or its first park. Threads of the blocking pool, of
//! which there may be hundreds, do neither; they only report ends of tasks, in the shared lane.
//!
//! A lane has a ring of finished events and the words of the open poll. At the start of a poll the
//! thread only stores these words; at its end it pushes one record with start and length. The
//! writer reads the open poll of a lane from its own thread, so that a poll that never ends is
//! recorded too.

use crate::hooks::{self, Task};
use crate::scheduler::ring::Ring;
use crate::scheduler::{places, runtimes, ticks};
use lab_recording::scheduler::What;
use lab_recording::scheduler::format::LANES;
use lab_recording::scheduler::record::{Kind, Owner, Record};
use quanta::Clock;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Records of a lane: 2 MiB, for a twentieth of a second at three million polls a second.
const RECORDS: usize = 1 << 16;

/// Whether events are recorded: only while a writer runs.
static LISTENING: AtomicBool = AtomicBool::new(false);
static TABLE: [OnceLock<Lane>; LANES] = [const { OnceLock::new() }; LANES];
/// Held during a push into the shared ring, because a ring has one pusher at a time.
static SHARED: Mutex<()> = Mutex::new(());
/// Number of polls on threads without a lane.
static UNWATCHED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static MINE: Cell<Option<&'static Lane>> = const { Cell::new(None) };
    /// Whether all lanes were taken when this thread needed one.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// The lane of one thread, on cache lines of its own.
#[repr(align(128))]
pub(crate) struct Lane {
    pub ring: Ring,
    clock: Clock,
    /// The thread's number in the kernel; 0 for a free lane.
    thread: AtomicI32,
    /// Whether the thread is a parked worker.
    asleep: AtomicBool,
    open: OpenPoll,
    /// Depth of polls inside the open poll, on the same thread.
    nested: AtomicU32,
    cache: OwnerCache,
}

/// Worker, runtime and spawn location of the last poll. Successive polls of a thread mostly agree
/// in them, so the cache saves two look-ups a poll.
struct OwnerCache {
    /// Address of the spawn location; 0 if the cache is empty.
    place: AtomicUsize,
    /// Worker, runtime and place, as in [`OpenPoll`].
    rest: AtomicU64,
}

impl OwnerCache {
    /// Worker, runtime and place of a poll of this task.
    #[inline]
    fn rest(&self, task: &Task) -> u64 {
        let place = std::ptr::from_ref(task.place).addr();
        let rest = self.rest.load(Ordering::Relaxed);
        let same = self.place.load(Ordering::Relaxed) == place
            && Owner::of_bits(rest & 0xffff).runtime == task.runtime;
        if same { rest } else { self.look_up(task, place) }
    }

    #[inline(never)]
    fn look_up(&self, task: &Task, place: usize) -> u64 {
        let rest = owner(task.runtime).to_bits() | u64::from(places::index(task.place)) << 16;
        self.rest.store(rest, Ordering::Relaxed);
        self.place.store(place, Ordering::Relaxed);
        rest
    }

    /// Empties the cache. The thread may continue as another worker, after `block_in_place`. A
    /// worker runs as a task of the blocking pool, so the end of a task precedes every change.
    fn clear(&self) {
        self.place.store(0, Ordering::Relaxed);
    }
}

/// The poll in progress on a lane's thread. Written by that thread, and read by the writer.
#[derive(Default)]
struct OpenPoll {
    /// Start of the poll in ticks; 0 outside of polls.
    begin: AtomicU64,
    task: AtomicU64,
    latency_ns: AtomicU64,
    /// Worker and runtime in the lowest 16 bits, and the number of the spawn location above them.
    rest: AtomicU64,
}

/// The value of a schedule latency that is not measured.
const NO_LATENCY: u64 = u64::MAX;

/// Allocates the first `threads` lanes and calibrates the clock, so that no poll has to do it.
pub(crate) fn prepare(threads: usize) {
    for lane in TABLE.iter().take(threads) {
        lane.get_or_init(Lane::new);
    }
    shared_ring();
}

/// Starts or stops recording.
pub(crate) fn listen(listening: bool) {
    LISTENING.store(listening, Ordering::Release);
}

/// All lanes that were allocated, with their numbers.
pub(crate) fn all() -> impl Iterator<Item = (u16, &'static Lane)> {
    TABLE.iter().enumerate().filter_map(|(number, lane)| Some((number as u16, lane.get()?)))
}

/// The number and the ring of the shared lane.
pub(crate) fn shared() -> (u16, &'static Ring) {
    (LANES as u16, shared_ring())
}

fn shared_ring() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| Ring::new(RECORDS))
}

/// Number of polls on threads without a lane since the last call.
pub(crate) fn take_unwatched() -> u64 {
    UNWATCHED.swap(0, Ordering::Relaxed)
}

/// The calling thread's lane. A thread without one claims one; none if all are taken.
#[inline]
fn mine(runtime: u8) -> Option<&'static Lane> {
    MINE.get().or_else(|| claim(runtime))
}

#[cold]
fn claim(runtime: u8) -> Option<&'static Lane> {
    if REFUSED.get() {
        return None;
    }
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    let free = |lane: &&Lane| {
        lane.thread.compare_exchange(0, thread, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    };
    let Some(lane) = TABLE.iter().map(|lane| lane.get_or_init(Lane::new)).find(free) else {
        REFUSED.set(true);
        return None;
    };
    MINE.set(Some(lane));
    if LISTENING.load(Ordering::Relaxed) {
        lane.ring.push(lane.thread_record(lane.clock.raw(), thread));
    }
    runtimes::remember(runtime);
    Some(lane)
}

/// Releases the calling thread's lane.
pub(crate) fn release() {
    if let Some(lane) = MINE.take() {
        lane.open.begin.store(0, Ordering::Relaxed);
        lane.nested.store(0, Ordering::Relaxed);
        lane.cache.clear();
        lane.asleep.store(false, Ordering::Relaxed);
        lane.thread.store(0, Ordering::Release);
    }
    REFUSED.set(false);
}

/// Hook: the calling thread starts a poll of a task.
#[inline]
pub(crate) fn poll_begins(task: &Task) {
    match mine(task.runtime) {
        Some(lane) => lane.begin(task),
        None => count_unwatched(),
    }
}

fn count_unwatched() {
    if LISTENING.load(Ordering::Relaxed) {
        UNWATCHED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Hook: the calling thread ends the poll that it started last.
#[inline]
pub(crate) fn poll_ends() {
    if let Some(lane) = MINE.get() {
        lane.end();
    }
}

/// Hook: the calling thread, a worker of a runtime, parks or unparks.
pub(crate) fn sleeps_or_wakes(what: What, runtime: u8) {
    let Some(lane) = mine(runtime) else { return };
    lane.asleep.store(what == What::Park, Ordering::Relaxed);
    if LISTENING.load(Ordering::Relaxed) {
        lane.ring.push(Record::moment(what, lane.clock.raw(), 0, 0, owner(runtime)));
    }
}

/// Hook: a task was spawned or has ended, on any thread.
pub(crate) fn spawned_or_ended(what: What, task: &Task) {
    if let (What::End, Some(lane)) = (what, MINE.get()) {
        lane.cache.clear();
    }
    if !LISTENING.load(Ordering::Relaxed) {
        return;
    }
    let record = |clock: &Clock| {
        let (place, owner) = (places::index(task.place), owner(task.runtime));
        Record::moment(what, clock.raw(), task.number, place, owner)
    };
    match MINE.get() {
        Some(lane) => lane.ring.push(record(&lane.clock)),
        None => {
            let _one_pusher = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared_ring().push(record(ticks::clock()));
        }
    }
}

/// A runtime together with the index of the calling worker in it.
#[inline]
fn owner(runtime: u8) -> Owner {
    Owner { runtime, worker: hooks::worker().unwrap_or(0) as u16 }
}

impl Lane {
    fn new() -> Lane {
        Lane {
            ring: Ring::new(RECORDS),
            clock: ticks::clock().clone(),
            thread: AtomicI32::new(0),
            asleep: AtomicBool::new(false),
            open: OpenPoll::default(),
            nested: AtomicU32::new(0),
            cache: OwnerCache { place: AtomicUsize::new(0), rest: AtomicU64::new(0) },
        }
    }

    /// Starts a poll. A poll inside a poll, by `block_on` for example, belongs to the outer one,
    /// which occupies the worker.
    #[inline]
    fn begin(&self, task: &Task) {
        if self.open.begin.load(Ordering::Relaxed) != 0 {
            self.nested.store(self.nested.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return;
        }
        self.open.task.store(task.number, Ordering::Relaxed);
        self.open.latency_ns.store(task.latency_ns.unwrap_or(NO_LATENCY), Ordering::Relaxed);
        self.open.rest.store(self.cache.rest(task), Ordering::Relaxed);
        // The clock is read last, so that the poll's length does not include this function. The
        // release store makes the other words visible to a writer that reads this one.
        self.open.begin.store(self.clock.raw(), Ordering::Release);
    }

    #[inline]
    fn end(&self) {
        let now = self.clock.raw();
        match self.nested.load(Ordering::Relaxed) {
            0 => {
                if LISTENING.load(Ordering::Relaxed) && self.open.begin.load(Ordering::Relaxed) != 0
                {
                    let budget_spent = hooks::budget_is_spent();
                    self.ring.push(Record { budget_spent, ..self.poll_until(now) });
                }
                self.open.begin.store(0, Ordering::Release);
            }
            nested => self.nested.store(nested - 1, Ordering::Relaxed),
        }
    }

    fn poll_until(&self, now: u64) -> Record {
        let begin = self.open.begin.load(Ordering::Relaxed);
        let rest = self.open.rest.load(Ordering::Relaxed);
        let latency = self.open.latency_ns.load(Ordering::Relaxed);
        Record {
            what: Kind::Event(What::Poll),
            at: begin,
            length: now.saturating_sub(begin),
            task: self.open.task.load(Ordering::Relaxed),
            latency_ns: (latency != NO_LATENCY).then_some(latency),
            place: (rest >> 16) as u16,
            owner: Owner::of_bits(rest & 0xffff),
            budget_spent: false,
            open: false,
        }
    }

    /// The poll in progress, with its length so far; none outside of polls. Called by the writer.
    pub fn open_poll(&self, now: u64) -> Option<Record> {
        let begin = self.open.begin.load(Ordering::Acquire);
        let record = Record { open: true, ..self.poll_until(now) };
        // The thread may have started the next poll while the words were read. They belong to one
        // poll only if its start is unchanged afterwards.
        (begin != 0 && self.open.begin.load(Ordering::Acquire) == begin).then_some(record)
    }

    /// The thread of the lane; none if the lane is free.
    pub fn thread(&self) -> Option<i32> {
        Some(self.thread.load(Ordering::Acquire)).filter(|thread| *thread != 0)
    }

    /// Whether the lane's thread is a parked worker.
    pub fn is_parked(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    /// The record that assigns the following events of the lane to a thread.
    pub fn thread_record(&self, at: u64, thread: i32) -> Record {
        Record::moment(What::Thread, at, thread as u64, 0, Owner::default())
    }
}
