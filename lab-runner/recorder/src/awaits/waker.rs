//! The wakers of followed futures, and the state that each future shares with its wakers.
//!
//! Every clone of a waker gets a slot of its own in the state of its future. A leaf that keeps a
//! clone finds that it would not be woken by the waker of the next poll, for that is another slot,
//! and clones again. So each slot tells at which poll its leaf was polled last, and a wake tells
//! which leaf it came through. Where no slot is left, a clone is the waker of the poll itself. That
//! alternates between two from poll to poll, so that such a leaf clones again, too: a poll with many
//! clones polls many leaves, and is counted.
//!
//! States are never freed: they are used again for later futures, when no waker is left. So a
//! waker's pointer is valid for ever, whatever the program does with it.

#![expect(unsafe_code, reason = "a waker with a table of its own is made from a raw pointer")]

use super::log;
use super::stacks::{self, Armed};
use crate::scheduler::polled;
use lab_kit::clock;
use lab_recording::awaits::{Crowds, Future, Kind, Record, Waker as By};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// Slots of a state.
const SLOTS: usize = 13;
/// The first of them are those of the wakers in the contexts of polls, in turns, and of clones for
/// which no other slot is left.
const CONTEXTS: usize = 2;

/// Clones in one poll whose stacks are taken. More of them are a set of futures, and are counted.
const WITH_STACKS: u32 = 16;
/// Leaves of a poll from which it is a crowd.
const CROWD: u32 = 64;

/// Polls of a crowd of leaves so far, and their leaves.
static CROWDED_POLLS: AtomicU64 = AtomicU64::new(0);
static CROWDED_LEAVES: AtomicU64 = AtomicU64::new(0);

/// Polls that each polled a crowd of leaves, and their leaves.
pub(super) fn crowds() -> Crowds {
    Crowds {
        polls: CROWDED_POLLS.load(Ordering::Relaxed),
        leaves: CROWDED_LEAVES.load(Ordering::Relaxed),
    }
}

/// The leaf that a clone of a waker belongs to.
struct Slot {
    /// Its index in the state.
    index: u32,
    /// 1 while a clone exists.
    used: AtomicU32,
    /// Number of the poll in which it was cloned.
    poll: AtomicU32,
    /// Number of its stack.
    stack: AtomicU16,
}

impl Slot {
    /// Whether it belongs to one leaf, and not to the context of polls.
    fn is_of_a_leaf(&self) -> bool {
        self.index as usize >= CONTEXTS
    }
}

/// A wait and its wakers. Times are nanoseconds of the clock, and 0 if there is none.
#[repr(C)]
pub(super) struct State {
    /// First, so that a pointer to a slot leads to its state.
    slots: [Slot; SLOTS],
    /// The future; none while the state is free.
    future: Mutex<Option<Future>>,
    /// The waker of the runtime.
    runtime: Mutex<Option<Waker>>,
    /// The future and the clones.
    references: AtomicU32,
    /// Number of the last poll, from 1.
    polls: AtomicU32,
    /// Clones in the last poll.
    clones: AtomicU32,
    /// Stacks of the clones in the last poll.
    armed: AtomicU64,
    /// The number of that set, once the poll is over.
    place: AtomicU16,
    /// Begin of the wait.
    begin_ns: AtomicU64,
    /// First call of a waker since the begin of the last poll.
    woken_ns: AtomicU64,
    /// That call.
    woken_by: Mutex<Wake>,
}

/// The call of a waker.
#[derive(Clone, Copy)]
struct Wake {
    /// Number of its stack.
    stack: u16,
    /// Who calls.
    by: By,
    /// Which of the clones of the last poll it came through.
    leaf: u8,
}

const NO_WAKE: Wake = Wake { stack: 0, by: By::Outside, leaf: 0 };

/// Free states, and all of them.
static FREE: Mutex<Vec<&'static State>> = Mutex::new(Vec::new());
static ALL: Mutex<Vec<&'static State>> = Mutex::new(Vec::new());

/// The innermost poll of a followed future on a thread.
#[derive(Clone, Copy)]
struct Polling {
    state: *const State,
    future: Option<Future>,
    /// An address in the stack frame of the poll: the walk ends there.
    high: usize,
}

const NO_POLL: Polling = Polling { state: std::ptr::null(), future: None, high: usize::MAX };

thread_local! {
    static POLLING: Cell<Polling> = const { Cell::new(NO_POLL) };
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn new() -> State {
        let slot = |index: usize| Slot {
            index: index as u32,
            used: AtomicU32::new(0),
            poll: AtomicU32::new(0),
            stack: AtomicU16::new(0),
        };
        State {
            slots: std::array::from_fn(slot),
            future: Mutex::new(None),
            runtime: Mutex::new(None),
            references: AtomicU32::new(0),
            polls: AtomicU32::new(0),
            clones: AtomicU32::new(0),
            armed: AtomicU64::new(0),
            place: AtomicU16::new(0),
            begin_ns: AtomicU64::new(0),
            woken_ns: AtomicU64::new(0),
            woken_by: Mutex::new(NO_WAKE),
        }
    }

    /// A state for a future, from the free ones where there is one.
    pub fn for_future(future: Future) -> &'static State {
        let free = locked(&FREE).pop();
        let state = free.unwrap_or_else(|| {
            let state: &'static State = Box::leak(Box::new(State::new()));
            locked(&ALL).push(state);
            state
        });
        *locked(&state.future) = Some(future);
        state.references.store(1, Ordering::Relaxed);
        state.polls.store(0, Ordering::Relaxed);
        state.begin_ns.store(0, Ordering::Relaxed);
        state
    }

    /// Ends the future: its wakers do nothing any more.
    pub fn end(&'static self) {
        *locked(&self.future) = None;
        let runtime = locked(&self.runtime).take();
        drop(runtime);
        self.release();
    }

    /// Polls the future: `poll` gets this state's waker and returns whether the future is pending.
    pub fn poll(
        &'static self,
        future: Future,
        runtime: &Waker,
        poll: &mut dyn FnMut(&Waker) -> bool,
    ) {
        self.set_runtime(runtime);
        self.record_wait(future, clock::now_ns());
        self.armed.store(0, Ordering::Relaxed);
        self.woken_ns.store(0, Ordering::Relaxed);
        self.clones.store(0, Ordering::Relaxed);
        let context = self.polls.fetch_add(1, Ordering::Relaxed) as usize % CONTEXTS;
        let here = 0_u8;
        let polling = Polling { state: self, future: Some(future), high: (&raw const here).addr() };
        let outer = Restore(POLLING.replace(polling));
        // Not dropped: it is no clone, and holds no reference.
        let waker = ManuallyDrop::new(self.waker(context));
        let pending = poll(&waker);
        drop(outer);
        self.count_crowd();
        if pending {
            let armed = Armed(self.armed.load(Ordering::Relaxed));
            self.place.store(stacks::number_of_set(armed), Ordering::Relaxed);
            self.begin_ns.store(clock::now_ns(), Ordering::Release);
        }
    }

    fn count_crowd(&self) {
        let clones = self.clones.load(Ordering::Relaxed);
        if clones >= CROWD {
            CROWDED_POLLS.fetch_add(1, Ordering::Relaxed);
            CROWDED_LEAVES.fetch_add(u64::from(clones), Ordering::Relaxed);
        }
    }

    fn set_runtime(&self, waker: &Waker) {
        if locked(&self.runtime).as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        // A waker runs code of others when it is cloned and dropped: not while the lock is held.
        let waker = waker.clone();
        let before = locked(&self.runtime).replace(waker);
        drop(before);
    }

    /// Records the wait that a poll ends.
    fn record_wait(&self, future: Future, now_ns: u64) {
        let begin_ns = self.begin_ns.swap(0, Ordering::Acquire);
        if begin_ns == 0 {
            return;
        }
        log::append(self.wait(future, begin_ns, now_ns, [Kind::Woken, Kind::Polled]));
    }

    /// The wait up to a moment: of the first kind if a waker was called, else of the second.
    fn wait(&self, future: Future, begin_ns: u64, now_ns: u64, kinds: [Kind; 2]) -> Record {
        let woken_ns = self.woken_ns.load(Ordering::Acquire);
        let wake = if woken_ns > 0 { *locked(&self.woken_by) } else { NO_WAKE };
        // The waker may have been called inside the poll, before the wait began.
        let until_ns =
            if woken_ns > 0 { woken_ns.clamp(begin_ns, now_ns.max(begin_ns)) } else { now_ns };
        Record {
            kind: kinds[usize::from(woken_ns == 0)],
            future,
            place: self.place.load(Ordering::Relaxed),
            leaf: wake.leaf,
            waker: wake.by,
            waker_stack: wake.stack,
            begin_ns,
            awaited_ns: until_ns.saturating_sub(begin_ns),
            runnable_ns: now_ns.saturating_sub(until_ns),
        }
    }

    /// A waker that stands for a slot.
    fn waker(&'static self, index: usize) -> Waker {
        // SAFETY: the functions of `TABLE` may be called with such a pointer from any thread, as
        // often as they like: it leads to atomics and mutexes that live for ever.
        unsafe { Waker::from_raw(self.raw(index)) }
    }

    fn raw(&'static self, index: usize) -> RawWaker {
        let slots = std::ptr::from_ref(self).cast::<Slot>();
        RawWaker::new(slots.wrapping_add(index).cast(), &TABLE)
    }

    /// A slot for a clone; that of the poll's context if no other is free.
    fn claim(&self, stack: u16, poll: u32) -> usize {
        self.references.fetch_add(1, Ordering::Relaxed);
        let free = self.slots.iter().skip(CONTEXTS).find(|slot| {
            slot.used.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
        });
        // Polls are counted from 1, and the first one has the first context.
        let Some(slot) = free else { return poll.wrapping_sub(1) as usize % CONTEXTS };
        slot.stack.store(stack, Ordering::Relaxed);
        slot.poll.store(poll, Ordering::Relaxed);
        slot.index as usize
    }

    /// Gives a reference back. The last one frees the state for another future.
    fn release(&'static self) {
        if self.references.fetch_sub(1, Ordering::AcqRel) == 1 {
            locked(&FREE).push(self);
        }
    }
}

/// Puts the outer poll of this thread back, also when the future panics.
struct Restore(Polling);

impl Drop for Restore {
    fn drop(&mut self) {
        POLLING.set(self.0);
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_clone);

/// The state and the slot of a waker's pointer.
///
/// # Safety
/// The pointer must come from `State::raw`.
unsafe fn of(pointer: *const ()) -> (&'static State, &'static Slot) {
    // SAFETY: the pointer leads to a slot of a state that lives for ever, and has the provenance of
    // the whole state. The slots are the first field of a `repr(C)` struct, so the slot of index 0
    // is at the state's own address.
    unsafe {
        let slot = pointer.cast::<Slot>();
        let state = slot.sub((*slot).index as usize).cast::<State>();
        (&*state, &*slot)
    }
}

unsafe fn clone(pointer: *const ()) -> RawWaker {
    // SAFETY: a waker with this table has a pointer of `State::raw`.
    let (state, slot) = unsafe { of(pointer) };
    let polling = POLLING.get();
    let index = if std::ptr::eq(polling.state, state) {
        // Inside the future's own poll: what is called here is what it awaits. Only this thread
        // stores in the state, during its poll.
        let before = state.clones.load(Ordering::Relaxed);
        state.clones.store(before.saturating_add(1), Ordering::Relaxed);
        let poll = state.polls.load(Ordering::Relaxed);
        if before < WITH_STACKS {
            let stack = stacks::number(polling.high);
            let armed = Armed(state.armed.load(Ordering::Relaxed)).and(stack);
            state.armed.store(armed.0, Ordering::Relaxed);
            state.claim(stack, poll)
        } else {
            state.claim(0, poll)
        }
    } else {
        // A copy of a clone is for the same leaf.
        state.claim(slot.stack.load(Ordering::Relaxed), slot.poll.load(Ordering::Relaxed))
    };
    state.raw(index)
}

unsafe fn wake(pointer: *const ()) {
    // SAFETY: a waker with this table has a pointer of `State::raw`.
    let (state, slot) = unsafe { of(pointer) };
    wake_state(state, slot);
    free(state, slot);
}

unsafe fn wake_by_ref(pointer: *const ()) {
    // SAFETY: a waker with this table has a pointer of `State::raw`.
    let (state, slot) = unsafe { of(pointer) };
    wake_state(state, slot);
}

unsafe fn drop_clone(pointer: *const ()) {
    // SAFETY: a waker with this table has a pointer of `State::raw`.
    let (state, slot) = unsafe { of(pointer) };
    free(state, slot);
}

fn free(state: &'static State, slot: &Slot) {
    if slot.is_of_a_leaf() {
        slot.used.store(0, Ordering::Release);
    }
    state.release();
}

/// Notes who ends the wait, and wakes the task.
fn wake_state(state: &'static State, slot: &Slot) {
    let runtime = locked(&state.runtime).clone();
    let Some(runtime) = runtime else { return };
    let now_ns = clock::now_ns();
    let first =
        state.woken_ns.compare_exchange(0, now_ns, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    let is_stale = slot.is_of_a_leaf()
        && slot.poll.load(Ordering::Relaxed) != state.polls.load(Ordering::Relaxed);
    if first || is_stale {
        let polling = POLLING.get();
        let stack = slot.stack.load(Ordering::Relaxed);
        let armed = Armed(state.armed.load(Ordering::Relaxed));
        let leaf = if is_stale { 0 } else { armed.position(stack) };
        let wake = Wake { stack: stacks::number(polling.high), by: caller(polling), leaf };
        if first {
            *locked(&state.woken_by) = wake;
        }
        if let Some(future) = is_stale.then(|| *locked(&state.future)).flatten() {
            log::append(Record {
                kind: Kind::Stale,
                future,
                place: stacks::number_of_set(Armed::default().and(stack)),
                leaf: 1,
                waker: wake.by,
                waker_stack: wake.stack,
                begin_ns: now_ns,
                awaited_ns: 0,
                runnable_ns: 0,
            });
        }
    }
    runtime.wake();
}

/// Who calls a waker: what is being polled on this thread.
fn caller(polling: Polling) -> By {
    match polling.future {
        Some(future) => By::Followed(future),
        None => polled::place().map_or(By::Outside, By::Task),
    }
}

/// Records all waits that are open at a moment.
pub(super) fn record_open(now_ns: u64) {
    let all = locked(&ALL).clone();
    for state in all {
        let Some(future) = *locked(&state.future) else { continue };
        let begin_ns = state.begin_ns.load(Ordering::Acquire);
        // In its poll, or before the first one.
        if begin_ns == 0 {
            continue;
        }
        let wait = state.wait(future, begin_ns, now_ns, [Kind::Runnable, Kind::Open]);
        log::append(wait);
        let last = state.polls.load(Ordering::Relaxed);
        for slot in state.slots.iter().skip(CONTEXTS) {
            let is_kept =
                slot.used.load(Ordering::Acquire) > 0 && slot.poll.load(Ordering::Relaxed) != last;
            if is_kept {
                let set = Armed::default().and(slot.stack.load(Ordering::Relaxed));
                let place = stacks::number_of_set(set);
                log::append(Record { kind: Kind::Kept, place, ..wait });
            }
        }
    }
}

#[cfg(test)]
mod tests;
