//! A place for each watched thread, in a static table: which poll it is inside of, and the samples
//! of it.
//!
//! The thread writes its own poll, the sampler reads it and sets how many ticks it wants a sample
//! for, the handler, which runs on the thread, answers into the ring. Every word is an atomic, and
//! there is no lock.

use crate::stall::OpenPoll;
use crate::stall::here::ring::{RECORD_WORDS, Ring};
use crate::walk::{Registers, StackBounds, Text, walk};
use lab_kit::clock;
use lab_recording::stall::format::{FRAMES, Head, SAMPLE_WORDS, flag, kind, pair};
use quanta::Clock;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, compiler_fence};

/// Threads that can be watched at a time.
pub const SLOTS: usize = 64;

static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];
static UNWATCHED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Constant-initialised and without destructors, so that the handler may look at any moment of a
    // thread's life.
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    static REFUSED: Cell<bool> = const { Cell::new(false) };
    static BOUNDS: Cell<StackBounds> = const { Cell::new(StackBounds::NONE) };
}

/// Of one thread, on cache lines of its own.
#[repr(align(128))]
pub struct Slot {
    /// The thread's number in the kernel; 0 for a free slot.
    tid: AtomicI32,
    /// When the poll began, by the time-stamp counter; 0 outside of one.
    begin_tsc: AtomicU64,
    /// The same in nanoseconds, once it was needed on the thread; 0 before.
    begin_ns: AtomicU64,
    task: AtomicU64,
    /// Counts polls, over all threads that ever had the slot.
    poll: AtomicU64,
    /// Polls that began inside the poll, on the same thread.
    nested: AtomicU32,
    /// Ticks that no sample stands for yet.
    due: AtomicU32,
    late: AtomicU64,
    before: Before,
    /// The samples.
    pub ring: Ring,
}

/// The sample before, to compare the next one with.
struct Before {
    poll: AtomicU64,
    at_ns: AtomicU64,
    cpu_ns: AtomicU64,
}

/// A poll that is going on, as the sampler sees it.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    pub tid: i32,
    pub number: u64,
    pub begin_ns: u64,
}

/// All slots, free ones too.
pub fn all() -> &'static [Slot] {
    &TABLE
}

/// The polls that are going on on threads that have a slot.
pub fn open_polls() -> Vec<OpenPoll> {
    let open = |slot: &Slot| {
        let (poll, task) = (slot.poll()?, slot.task.load(Ordering::Relaxed));
        // The task is that of this poll only if it still goes on now that it was read.
        let same = slot.poll().is_some_and(|again| again.number == poll.number);
        same.then_some(OpenPoll { tid: poll.tid, task, begin_ns: poll.begin_ns })
    };
    TABLE.iter().filter_map(open).collect()
}

/// The clock of polls: a look at it costs less than half of one at `CLOCK_MONOTONIC`, and there is
/// one for each poll. It must be there before a signal comes.
fn tsc() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::new)
}

/// Calibrates the clock, which takes a while the first time.
pub fn prepare() {
    tsc();
}

/// When something began, in nanoseconds of `CLOCK_MONOTONIC`, given the counter then. It goes back
/// from now, so that no drift between the clocks adds up.
fn since(begin_tsc: u64) -> u64 {
    let clock = tsc();
    clock::now_ns().saturating_sub(clock.delta_as_nanos(begin_tsc, clock.raw()))
}

/// How many threads found no slot since the last call.
pub fn take_unwatched() -> u64 {
    UNWATCHED.swap(0, Ordering::Relaxed)
}

/// The calling thread's slot, if it has one.
pub fn mine() -> Option<&'static Slot> {
    MINE.get()
}

/// Answers for the calling thread, if it has a slot. Called by the signal handler.
pub fn answer(registers: &Registers, text: Text, in_syscall: bool) {
    if let Some(slot) = mine() {
        slot.answer(registers, text, in_syscall);
    }
}

/// The calling thread's slot; a thread without one is given one, if there is any left.
pub fn mine_or_claim() -> Option<&'static Slot> {
    MINE.get().or_else(claim)
}

#[cold]
fn claim() -> Option<&'static Slot> {
    if REFUSED.get() {
        return None;
    }
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let free = |slot: &&Slot| {
        slot.tid.compare_exchange(0, tid, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    };
    let Some(slot) = TABLE.iter().find(free) else {
        REFUSED.set(true);
        UNWATCHED.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    BOUNDS.set(StackBounds::of_this_thread().unwrap_or(StackBounds::NONE));
    slot.due.store(0, Ordering::Relaxed);
    MINE.set(Some(slot));
    Some(slot)
}

/// Gives the calling thread's slot back.
pub fn release() {
    if let Some(slot) = MINE.take() {
        slot.begin_tsc.store(0, Ordering::Relaxed);
        slot.nested.store(0, Ordering::Relaxed);
        slot.tid.store(0, Ordering::Release);
    }
    REFUSED.set(false);
}

impl Slot {
    const fn new() -> Slot {
        Slot {
            tid: AtomicI32::new(0),
            begin_tsc: AtomicU64::new(0),
            begin_ns: AtomicU64::new(0),
            task: AtomicU64::new(0),
            poll: AtomicU64::new(0),
            nested: AtomicU32::new(0),
            due: AtomicU32::new(0),
            late: AtomicU64::new(0),
            before: Before {
                poll: AtomicU64::new(0),
                at_ns: AtomicU64::new(0),
                cpu_ns: AtomicU64::new(0),
            },
            ring: Ring::new(),
        }
    }

    /// Called by the slot's thread. A poll inside a poll belongs to the outer one, which is the one
    /// that is stuck.
    pub fn enter(&self, task: u64) {
        if self.begin_tsc.load(Ordering::Relaxed) != 0 {
            self.nested.store(self.nested.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return;
        }
        // The handler runs on this thread: what the compiler keeps in order it sees in order. These
        // stores must not move before the end of the poll before.
        compiler_fence(Ordering::SeqCst);
        self.task.store(task, Ordering::Relaxed);
        self.poll.store(self.poll.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.begin_ns.store(0, Ordering::Relaxed);
        // Last, for the handler may come between any two of these.
        self.begin_tsc.store(tsc().raw(), Ordering::Release);
    }

    /// Called by the slot's thread.
    pub fn leave(&self) {
        match self.nested.load(Ordering::Relaxed) {
            0 => self.begin_tsc.store(0, Ordering::Release),
            nested => self.nested.store(nested - 1, Ordering::Relaxed),
        }
    }

    /// The poll that the slot's thread is inside of. Called by the sampler.
    pub fn poll(&self) -> Option<Poll> {
        let begin_tsc = self.begin_tsc.load(Ordering::Acquire);
        let (number, tid) = (self.poll.load(Ordering::Relaxed), self.tid.load(Ordering::Relaxed));
        (begin_tsc != 0 && tid != 0).then(|| Poll { tid, number, begin_ns: since(begin_tsc) })
    }

    /// When the poll began, the same for all of its samples; none outside of one. Called by the
    /// handler alone: whoever else looks might write into the poll after it.
    fn begin_ns(&self) -> Option<u64> {
        let begin_tsc = Some(self.begin_tsc.load(Ordering::Relaxed)).filter(|tsc| *tsc != 0)?;
        let known = self.begin_ns.load(Ordering::Relaxed);
        let begin_ns = if known == 0 { since(begin_tsc) } else { known };
        self.begin_ns.store(begin_ns, Ordering::Relaxed);
        Some(begin_ns)
    }

    /// Polls that began here, over all threads that ever had the slot.
    pub fn polls(&self) -> u64 {
        self.poll.load(Ordering::Relaxed)
    }

    /// Throws away what is in the ring.
    pub fn empty(&self) {
        let mut record = Vec::new();
        while self.ring.pop(&mut record) {}
    }

    /// Requests a sample that stands for so many ticks. Returns how many requested ticks were
    /// unanswered before.
    pub fn ask(&self, ticks: u32) -> u32 {
        self.due.fetch_add(ticks, Ordering::Relaxed)
    }

    /// Takes the request back, because it will not be answered.
    pub fn forget(&self) {
        self.due.store(0, Ordering::Relaxed);
    }

    /// Ticks that were answered after their poll, since the last call.
    pub fn take_late(&self) -> u64 {
        self.late.swap(0, Ordering::Relaxed)
    }

    /// Answers the request. Called by the signal handler, on the slot's thread.
    pub fn answer(&self, registers: &Registers, text: Text, in_syscall: bool) {
        let ticks = self.due.swap(0, Ordering::Relaxed);
        let Some(begin_ns) = self.begin_ns().filter(|_| ticks > 0) else {
            self.late.fetch_add(u64::from(ticks), Ordering::Relaxed);
            return;
        };
        let mut frames = [0; FRAMES];
        let depth = walk(registers, BOUNDS.get(), text, &mut frames);
        let known = self.known(begin_ns, ticks, in_syscall, depth);
        self.ring.push(&record(&known, &frames[..depth])[..known.len() + depth]);
    }

    /// All of a sample but its frames.
    fn known(
        &self,
        begin_ns: u64,
        ticks: u32,
        in_syscall: bool,
        depth: usize,
    ) -> [u64; 1 + SAMPLE_WORDS] {
        let (now_ns, cpu_ns) = (clock::now_ns(), clock::thread_cpu_ns());
        let (task, poll) = (self.task.load(Ordering::Relaxed), self.poll.load(Ordering::Relaxed));
        let truncated = if depth == FRAMES { flag::TRUNCATED } else { 0 };
        let flags = truncated | self.before.judge(poll, now_ns, cpu_ns, in_syscall);
        let head = Head { kind: kind::SAMPLE, flags, words: (SAMPLE_WORDS + depth) as u16 };
        let thread = pair(self.tid.load(Ordering::Relaxed) as u32, ticks);
        [head.to_word(), now_ns, begin_ns, task, poll, cpu_ns, thread]
    }
}

fn record(known: &[u64; 1 + SAMPLE_WORDS], frames: &[usize]) -> [u64; RECORD_WORDS] {
    let mut record = [0; RECORD_WORDS];
    let words = known.iter().copied().chain(frames.iter().map(|frame| *frame as u64));
    record.iter_mut().zip(words).for_each(|(word, value)| *word = value);
    record
}

impl Before {
    /// The flags of a sample: on the CPU if the thread used it for half of the time since the
    /// sample before. The first sample of a poll has none to compare with, for the CPU clock costs
    /// a system call, too much for every poll: it was on the CPU unless it interrupted a system
    /// call.
    fn judge(&self, poll: u64, now_ns: u64, cpu_ns: u64, in_syscall: bool) -> u8 {
        let before = self.poll.swap(poll, Ordering::Relaxed);
        let wall_ns = now_ns.saturating_sub(self.at_ns.swap(now_ns, Ordering::Relaxed));
        let used_ns = cpu_ns.saturating_sub(self.cpu_ns.swap(cpu_ns, Ordering::Relaxed));
        let comparable = before == poll;
        let on_cpu = if comparable { used_ns >= wall_ns / 2 } else { !in_syscall };
        let set = |so: bool, flag: u8| if so { flag } else { 0 };
        set(on_cpu, flag::ON_CPU)
            | set(!comparable, flag::GUESSED)
            | set(in_syscall, flag::IN_SYSCALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_poll_belongs_to_the_outer_one() {
        let slot = Box::new(Slot::new());
        slot.tid.store(1, Ordering::Relaxed);
        assert!(slot.poll().is_none());
        slot.enter(7);
        let outer = slot.poll().unwrap();
        slot.enter(8);
        slot.leave();
        assert_eq!(slot.poll().unwrap().number, outer.number);
        assert_eq!(slot.task.load(Ordering::Relaxed), 7);
        slot.leave();
        assert!(slot.poll().is_none());
        slot.enter(9);
        assert_eq!(slot.poll().unwrap().number, outer.number + 1);
    }

    #[test]
    fn a_sample_is_on_the_cpu_if_half_of_the_time_was_used() {
        let before =
            Before { poll: AtomicU64::new(0), at_ns: AtomicU64::new(0), cpu_ns: AtomicU64::new(0) };
        assert_eq!(before.judge(1, 100, 50, true), flag::GUESSED | flag::IN_SYSCALL);
        assert_eq!(before.judge(1, 200, 100, false), flag::ON_CPU);
        assert_eq!(before.judge(1, 300, 149, true), flag::IN_SYSCALL);
        assert_eq!(before.judge(2, 9_000, 150, false), flag::GUESSED | flag::ON_CPU);
    }

    #[test]
    fn an_answer_that_nobody_waits_for_or_that_comes_late_is_no_sample() {
        let slot = Box::new(Slot::new());
        let text = Text::of_executable().unwrap();
        let registers = Registers { pc: 1, ..Registers::default() };
        let mut record = Vec::new();
        slot.ask(3);
        slot.answer(&registers, text, false);
        assert_eq!((slot.take_late(), slot.ring.pop(&mut record)), (3, false));
        slot.enter(7);
        slot.answer(&registers, text, false);
        assert!(!slot.ring.pop(&mut record));
        assert_eq!((slot.ask(1), slot.ask(1)), (0, 1));
        slot.answer(&registers, text, false);
        assert!(slot.ring.pop(&mut record));
        assert_eq!((record[3], record[6] >> 32, record.len()), (7, 2, 1 + SAMPLE_WORDS + 1));
    }
}
