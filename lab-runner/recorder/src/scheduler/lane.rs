//! Where threads of runtimes record: each has a lane of its own, all that have none share one
//! behind a lock.
//!
//! A thread is given its lane at its first poll or its first sleep. Runtimes also start threads
//! that do neither, hundreds of them for blocking calls, and those only report that a task ended.

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

/// Records of a lane: 2 MiB, the twentieth part of a second at three million polls a second.
const RECORDS: usize = 1 << 16;

/// Whether anybody listens. Without a writer nothing is recorded.
static LISTENING: AtomicBool = AtomicBool::new(false);
static TABLE: [OnceLock<Lane>; LANES] = [const { OnceLock::new() }; LANES];
/// Who holds it may push into the shared ring, which takes one thread at a time.
static SHARED: Mutex<()> = Mutex::new(());
static UNWATCHED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static MINE: Cell<Option<&'static Lane>> = const { Cell::new(None) };
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Of one thread, on cache lines of its own.
#[repr(align(128))]
pub(crate) struct Lane {
    pub ring: Ring,
    clock: Clock,
    /// The thread's number in the kernel; 0 for a free lane.
    thread: AtomicI32,
    /// Whether the thread sleeps as a worker.
    asleep: AtomicBool,
    open: Open,
    /// Polls that began inside the poll, on the same thread.
    nested: AtomicU32,
    before: Before,
}

/// The poll before, as far as the next one is mostly like it: a thread's own, so that two look-ups
/// a poll are saved.
struct Before {
    /// Where its task was spawned, by the address of that; 0 where nothing is known.
    place: AtomicUsize,
    /// Its worker, runtime and place, as in [`Open`].
    rest: AtomicU64,
}

impl Before {
    /// Worker, runtime and place of a poll.
    #[inline]
    fn rest(&self, task: &Task) -> u64 {
        let place = std::ptr::from_ref(task.place).addr();
        let rest = self.rest.load(Ordering::Relaxed);
        let same = self.place.load(Ordering::Relaxed) == place
            && Owner::of_bits(rest & 0xffff).runtime == task.runtime;
        if same { rest } else { self.learn(task, place) }
    }

    #[inline(never)]
    fn learn(&self, task: &Task, place: usize) -> u64 {
        let rest = owner(task.runtime).to_bits() | u64::from(places::index(task.place)) << 16;
        self.rest.store(rest, Ordering::Relaxed);
        self.place.store(place, Ordering::Relaxed);
        rest
    }

    /// A thread that ends to be a worker may begin to be another one. It tells that by the end of a
    /// task, as everything does that runs on a runtime's threads.
    fn forget(&self) {
        self.place.store(0, Ordering::Relaxed);
    }
}

/// The poll that a lane's thread is inside of. The thread writes, the writer looks now and then.
#[derive(Default)]
struct Open {
    /// When it began; 0 outside of one.
    begin: AtomicU64,
    task: AtomicU64,
    latency_ns: AtomicU64,
    /// Its worker, runtime and place.
    rest: AtomicU64,
}

/// Stands for a latency that is not measured.
const NO_LATENCY: u64 = u64::MAX;

/// Memory for the lanes of so many threads, before any of them needs it, and the clock.
pub(crate) fn prepare(threads: usize) {
    TABLE.iter().take(threads).for_each(|lane| {
        lane.get_or_init(Lane::new);
    });
    shared_ring();
}

/// Begins or ends the recording.
pub(crate) fn listen(listening: bool) {
    LISTENING.store(listening, Ordering::Release);
}

/// The lanes that ever had a thread, with their numbers.
pub(crate) fn all() -> impl Iterator<Item = (u16, &'static Lane)> {
    TABLE.iter().enumerate().filter_map(|(number, lane)| Some((number as u16, lane.get()?)))
}

/// The number of the lane of all that have none, and its ring.
pub(crate) fn shared() -> (u16, &'static Ring) {
    (LANES as u16, shared_ring())
}

fn shared_ring() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| Ring::new(RECORDS))
}

/// How many polls were not recorded since the last call.
pub(crate) fn take_unwatched() -> u64 {
    UNWATCHED.swap(0, Ordering::Relaxed)
}

/// The calling thread's lane; a thread without one is given one, if there is any left.
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
        lane.ring.push(lane.who(lane.clock.raw(), thread));
    }
    runtimes::remember(runtime);
    Some(lane)
}

/// Gives the calling thread's lane back.
pub(crate) fn release() {
    if let Some(lane) = MINE.take() {
        lane.open.begin.store(0, Ordering::Relaxed);
        lane.nested.store(0, Ordering::Relaxed);
        lane.before.forget();
        lane.asleep.store(false, Ordering::Relaxed);
        lane.thread.store(0, Ordering::Release);
    }
    REFUSED.set(false);
}

/// The calling thread begins to poll a task.
#[inline]
pub(crate) fn poll_begins(task: &Task) {
    match mine(task.runtime) {
        Some(lane) => lane.begin(task),
        None => unwatched(),
    }
}

fn unwatched() {
    if LISTENING.load(Ordering::Relaxed) {
        UNWATCHED.fetch_add(1, Ordering::Relaxed);
    }
}

/// The calling thread ended the poll that it began last.
#[inline]
pub(crate) fn poll_ends() {
    if let Some(lane) = MINE.get() {
        lane.end();
    }
}

/// Tells that the calling thread goes to sleep or wakes up, as a worker of a runtime.
pub(crate) fn sleeps_or_wakes(what: What, runtime: u8) {
    let Some(lane) = mine(runtime) else { return };
    lane.asleep.store(what == What::Park, Ordering::Relaxed);
    if LISTENING.load(Ordering::Relaxed) {
        lane.ring.push(Record::moment(what, lane.clock.raw(), 0, 0, owner(runtime)));
    }
}

/// Tells that a task was spawned or has ended, on whatever thread.
pub(crate) fn spawned_or_ended(what: What, task: &Task) {
    if let (What::End, Some(lane)) = (what, MINE.get()) {
        lane.before.forget();
    }
    if !LISTENING.load(Ordering::Relaxed) {
        return;
    }
    let at = |clock: &Clock| {
        Record::moment(
            what,
            clock.raw(),
            task.number,
            places::index(task.place),
            owner(task.runtime),
        )
    };
    match MINE.get() {
        Some(lane) => lane.ring.push(at(&lane.clock)),
        None => {
            let _alone = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared_ring().push(at(ticks::clock()));
        }
    }
}

/// The worker that the calling thread is, of a runtime.
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
            open: Open::default(),
            nested: AtomicU32::new(0),
            before: Before { place: AtomicUsize::new(0), rest: AtomicU64::new(0) },
        }
    }

    /// A poll inside a poll belongs to the outer one, which is the one that holds the worker.
    #[inline]
    fn begin(&self, task: &Task) {
        if self.open.begin.load(Ordering::Relaxed) != 0 {
            self.nested.store(self.nested.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return;
        }
        self.open.task.store(task.number, Ordering::Relaxed);
        self.open.latency_ns.store(task.latency_ns.unwrap_or(NO_LATENCY), Ordering::Relaxed);
        self.open.rest.store(self.before.rest(task), Ordering::Relaxed);
        // Last, for the time before belongs to the recorder, and whoever sees it sees the others.
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

    /// The poll that the lane's thread is inside of, as far as it has come. Called by the writer.
    pub fn open_poll(&self, now: u64) -> Option<Record> {
        let begin = self.open.begin.load(Ordering::Acquire);
        let record = Record { open: true, ..self.poll_until(now) };
        // The other words are those of this poll only if it still goes on now that they were read.
        (begin != 0 && self.open.begin.load(Ordering::Acquire) == begin).then_some(record)
    }

    /// The thread that has the lane; none if it is free.
    pub fn thread(&self) -> Option<i32> {
        Some(self.thread.load(Ordering::Acquire)).filter(|thread| *thread != 0)
    }

    /// Whether the lane's thread sleeps as a worker.
    pub fn sleeps(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    /// Tells whose lane it is from now on.
    pub fn who(&self, at: u64, thread: i32) -> Record {
        Record::moment(What::Thread, at, thread as u64, 0, Owner::default())
    }
}
