//! Slots: the poll in progress of each sampled thread and its samples, in a static table.
//!
//! The thread writes its own poll. The sampler reads it and requests a sample for a number of
//! ticks. The signal handler, which runs on the thread, pushes the sample into the ring. Every word
//! is an atomic, and there is no lock.

use crate::stall::OpenPoll;
use crate::stall::here::ring::{RECORD_WORDS, Ring};
use crate::walk::{Registers, StackBounds, Text, walk};
use lab_kit::clock;
use lab_recording::stall::format::{FRAMES, Head, OUTSIDE_TASKS, SAMPLE_WORDS, flag, kind, pair};
use quanta::Clock;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, compiler_fence};

/// Most threads that can be sampled at a time.
pub const SLOTS: usize = 64;

static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];
/// Number of threads that found no free slot.
static UNWATCHED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Constant-initialised and without destructors, so that the handler may read them at any moment
    // of a thread's life.
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Whether all slots were taken when this thread needed one.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
    static BOUNDS: Cell<StackBounds> = const { Cell::new(StackBounds::NONE) };
}

/// The slot of one thread, on cache lines of its own.
#[repr(align(128))]
pub struct Slot {
    /// The thread's number in the kernel; 0 for a free slot.
    tid: AtomicI32,
    /// Start of the poll by the time-stamp counter; 0 outside of polls.
    begin_tsc: AtomicU64,
    /// The same in nanoseconds, after the first sample of the poll; 0 before.
    begin_ns: AtomicU64,
    task: AtomicU64,
    /// Number of polls, over all threads that ever had the slot. Identifies the current poll.
    poll: AtomicU64,
    /// Depth of polls inside the poll, on the same thread.
    nested: AtomicU32,
    /// Requested ticks that no sample stands for yet.
    due: AtomicU32,
    /// Requested ticks whose signal arrived after the poll.
    late: AtomicU64,
    before: LastSample,
    /// The samples.
    pub ring: Ring,
}

/// The last sample of a slot, for comparison with the next one.
struct LastSample {
    poll: AtomicU64,
    at_ns: AtomicU64,
    cpu_ns: AtomicU64,
}

/// A poll in progress, as the sampler reads it.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    pub tid: i32,
    pub number: u64,
    pub begin_ns: u64,
}

/// All slots, including free ones.
pub fn all() -> &'static [Slot] {
    &TABLE
}

/// The polls in progress on threads that have a slot.
pub fn open_polls() -> Vec<OpenPoll> {
    let open = |slot: &Slot| {
        let (poll, task) = (slot.poll()?, slot.task.load(Ordering::Relaxed));
        // The thread may have started another poll before the task was read. The task belongs to
        // this poll only if the poll is still the same.
        let same = slot.poll().is_some_and(|again| again.number == poll.number);
        let of_a_task = same && task != OUTSIDE_TASKS;
        of_a_task.then_some(OpenPoll { tid: poll.tid, task, begin_ns: poll.begin_ns })
    };
    TABLE.iter().filter_map(open).collect()
}

/// The clock of polls, which is read once a poll. A reading costs less than half of one of
/// `CLOCK_MONOTONIC`. It must be initialised before the first signal.
fn tsc() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::new)
}

/// Calibrates the clock, which takes some time at the first call.
pub fn prepare() {
    tsc();
}

/// Converts a value of the time-stamp counter to nanoseconds of `CLOCK_MONOTONIC`. The conversion
/// counts back from now, so that drift between the clocks does not add up.
fn since(begin_tsc: u64) -> u64 {
    let clock = tsc();
    clock::now_ns().saturating_sub(clock.delta_as_nanos(begin_tsc, clock.raw()))
}

/// Number of threads that found no free slot since the last call.
pub fn take_unwatched() -> u64 {
    UNWATCHED.swap(0, Ordering::Relaxed)
}

/// The calling thread's slot, if it has one.
pub fn mine() -> Option<&'static Slot> {
    MINE.get()
}

/// Takes a sample of the calling thread, if it has a slot. Called by the signal handler.
pub fn sample(registers: &Registers, text: Text, in_syscall: bool) {
    if let Some(slot) = mine() {
        slot.sample(registers, text, in_syscall);
    }
}

/// The calling thread's slot. A thread without one claims one; none if all are taken.
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

/// Releases the calling thread's slot.
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
            before: LastSample {
                poll: AtomicU64::new(0),
                at_ns: AtomicU64::new(0),
                cpu_ns: AtomicU64::new(0),
            },
            ring: Ring::new(),
        }
    }

    /// Starts a poll. Called by the slot's thread. A poll inside a poll belongs to the outer one,
    /// which occupies the worker.
    pub fn enter(&self, task: u64) {
        self.leave_outside();
        if self.begin_tsc.load(Ordering::Relaxed) != 0 {
            self.nested.store(self.nested.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            return;
        }
        // The handler runs on this thread, so it sees stores in program order, as far as the
        // compiler keeps that order. The stores below must not move before the end of the last
        // poll.
        compiler_fence(Ordering::SeqCst);
        self.task.store(task, Ordering::Relaxed);
        self.poll.store(self.poll.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.begin_ns.store(0, Ordering::Relaxed);
        // Last, because the handler may run between any two of these stores.
        self.begin_tsc.store(tsc().raw(), Ordering::Release);
    }

    /// Ends a poll. Called by the slot's thread.
    pub fn leave(&self) {
        match self.nested.load(Ordering::Relaxed) {
            0 => self.begin_tsc.store(0, Ordering::Release),
            nested => self.nested.store(nested - 1, Ordering::Relaxed),
        }
    }

    /// Begins the time outside of tasks, unless the thread is in a poll. Called by the slot's thread.
    pub fn enter_outside(&self) {
        if self.begin_tsc.load(Ordering::Relaxed) == 0 {
            self.enter(OUTSIDE_TASKS);
        }
    }

    /// Ends the time outside of tasks. Called by the slot's thread.
    pub fn leave_outside(&self) {
        if self.task.load(Ordering::Relaxed) == OUTSIDE_TASKS {
            self.begin_tsc.store(0, Ordering::Release);
        }
    }

    /// The poll in progress on the slot's thread; none outside of polls. Called by the sampler.
    pub fn poll(&self) -> Option<Poll> {
        let begin_tsc = self.begin_tsc.load(Ordering::Acquire);
        let (number, tid) = (self.poll.load(Ordering::Relaxed), self.tid.load(Ordering::Relaxed));
        (begin_tsc != 0 && tid != 0).then(|| Poll { tid, number, begin_ns: since(begin_tsc) })
    }

    /// Start of the poll in nanoseconds, the same for all of its samples; none outside of polls.
    /// Called only by the handler: another thread could store the value into the next poll.
    fn begin_ns(&self) -> Option<u64> {
        let begin_tsc = Some(self.begin_tsc.load(Ordering::Relaxed)).filter(|tsc| *tsc != 0)?;
        let known = self.begin_ns.load(Ordering::Relaxed);
        let begin_ns = if known == 0 { since(begin_tsc) } else { known };
        self.begin_ns.store(begin_ns, Ordering::Relaxed);
        Some(begin_ns)
    }

    /// Number of polls, over all threads that ever had the slot.
    pub fn polls(&self) -> u64 {
        self.poll.load(Ordering::Relaxed)
    }

    /// Discards the samples in the ring.
    pub fn empty(&self) {
        let mut record = Vec::new();
        while self.ring.pop(&mut record) {}
    }

    /// Requests a sample that stands for `ticks` ticks. Returns the ticks that were due before.
    pub fn request(&self, ticks: u32) -> u32 {
        self.due.fetch_add(ticks, Ordering::Relaxed)
    }

    /// Cancels the request, because no sample will come.
    pub fn cancel_request(&self) {
        self.due.store(0, Ordering::Relaxed);
    }

    /// Requested ticks whose signal arrived after the poll, since the last call.
    pub fn take_late(&self) -> u64 {
        self.late.swap(0, Ordering::Relaxed)
    }

    /// Takes the requested sample. Called by the signal handler, on the slot's thread.
    pub fn sample(&self, registers: &Registers, text: Text, in_syscall: bool) {
        let ticks = self.due.swap(0, Ordering::Relaxed);
        let Some(begin_ns) = self.begin_ns().filter(|_| ticks > 0) else {
            self.late.fetch_add(u64::from(ticks), Ordering::Relaxed);
            return;
        };
        let mut frames = [0; FRAMES];
        let depth = walk(registers, BOUNDS.get(), text, &mut frames);
        let fixed = self.fixed_words(begin_ns, ticks, in_syscall, depth);
        self.ring.push(&record(&fixed, &frames[..depth])[..fixed.len() + depth]);
    }

    /// The words of a sample before its frames.
    fn fixed_words(
        &self,
        begin_ns: u64,
        ticks: u32,
        in_syscall: bool,
        depth: usize,
    ) -> [u64; 1 + SAMPLE_WORDS] {
        let (now_ns, cpu_ns) = (clock::now_ns(), clock::thread_cpu_ns());
        let (task, poll) = (self.task.load(Ordering::Relaxed), self.poll.load(Ordering::Relaxed));
        let truncated = if depth == FRAMES { flag::TRUNCATED } else { 0 };
        let flags = truncated | self.before.compare(poll, now_ns, cpu_ns, in_syscall);
        let head = Head { kind: kind::SAMPLE, flags, words: (SAMPLE_WORDS + depth) as u16 };
        let thread = pair(self.tid.load(Ordering::Relaxed) as u32, ticks);
        [head.to_word(), now_ns, begin_ns, task, poll, cpu_ns, thread]
    }
}

fn record(fixed: &[u64; 1 + SAMPLE_WORDS], frames: &[usize]) -> [u64; RECORD_WORDS] {
    let mut record = [0; RECORD_WORDS];
    let words = fixed.iter().copied().chain(frames.iter().map(|frame| *frame as u64));
    record.iter_mut().zip(words).for_each(|(word, value)| *word = value);
    record
}

impl LastSample {
    /// The flags of a sample. A thread was on the CPU if it used CPU time for at least half of the
    /// time since the last sample. *Example:* 1 ms after the last sample the thread's CPU time has
    /// grown by 0.2 ms; it was off the CPU.
    ///
    /// The first sample of a poll has no such reference: reading the CPU clock is a system call,
    /// too expensive at the start of every poll. It counts as on the CPU unless it interrupted a
    /// system call, and is flagged as a guess.
    fn compare(&self, poll: u64, now_ns: u64, cpu_ns: u64, in_syscall: bool) -> u8 {
        let before = self.poll.swap(poll, Ordering::Relaxed);
        let wall_ns = now_ns.saturating_sub(self.at_ns.swap(now_ns, Ordering::Relaxed));
        let used_ns = cpu_ns.saturating_sub(self.cpu_ns.swap(cpu_ns, Ordering::Relaxed));
        let comparable = before == poll;
        let on_cpu = if comparable { used_ns >= wall_ns / 2 } else { !in_syscall };
        let flag_if = |condition: bool, flag: u8| if condition { flag } else { 0 };
        flag_if(on_cpu, flag::ON_CPU)
            | flag_if(!comparable, flag::GUESSED)
            | flag_if(in_syscall, flag::IN_SYSCALL)
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
    fn the_time_outside_of_tasks_ends_with_a_poll_of_one() {
        let slot = Box::new(Slot::new());
        slot.tid.store(1, Ordering::Relaxed);
        slot.enter_outside();
        assert_eq!(slot.task.load(Ordering::Relaxed), OUTSIDE_TASKS);
        slot.enter(7);
        assert_eq!(
            (slot.task.load(Ordering::Relaxed), slot.nested.load(Ordering::Relaxed)),
            (7, 0)
        );
        slot.enter_outside();
        slot.leave_outside();
        assert!(slot.poll().is_some(), "a poll goes on");
        slot.leave();
        slot.enter_outside();
        slot.leave_outside();
        assert!(slot.poll().is_none());
    }

    #[test]
    fn a_sample_is_on_the_cpu_if_half_of_the_time_was_used() {
        let last = LastSample {
            poll: AtomicU64::new(0),
            at_ns: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
        };
        assert_eq!(last.compare(1, 100, 50, true), flag::GUESSED | flag::IN_SYSCALL);
        assert_eq!(last.compare(1, 200, 100, false), flag::ON_CPU);
        assert_eq!(last.compare(1, 300, 149, true), flag::IN_SYSCALL);
        assert_eq!(last.compare(2, 9_000, 150, false), flag::GUESSED | flag::ON_CPU);
    }

    #[test]
    fn a_signal_without_a_request_or_after_the_poll_takes_no_sample() {
        let slot = Box::new(Slot::new());
        let text = Text::of_executable().unwrap();
        let registers = Registers { pc: 1, ..Registers::default() };
        let mut record = Vec::new();
        slot.request(3);
        slot.sample(&registers, text, false);
        assert_eq!((slot.take_late(), slot.ring.pop(&mut record)), (3, false));
        slot.enter(7);
        slot.sample(&registers, text, false);
        assert!(!slot.ring.pop(&mut record));
        assert_eq!((slot.request(1), slot.request(1)), (0, 1));
        slot.sample(&registers, text, false);
        assert!(slot.ring.pop(&mut record));
        assert_eq!((record[3], record[6] >> 32, record.len()), (7, 2, 1 + SAMPLE_WORDS + 1));
    }
}
