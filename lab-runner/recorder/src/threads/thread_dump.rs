//! Thread dump: the stacks of threads of the process. The dumping thread sends each thread a
//! signal, and the signal handler writes the stack into a static table.
//!
//! Threads need no registration, and may be stuck anywhere except in an uninterruptible sleep of
//! the kernel. Each entry of the table goes through four states:
//!
//! ```text
//! FREE ── dump ──> ASKED ── handler ──> ANSWERS ── handler ──> DONE ── dump ──> FREE
//!                    └──── dump, after the time limit ────────────────────────────┘
//! ```
//!
//! The two transitions out of `ASKED` are atomic, so a handler that runs after the time limit finds
//! no entry and writes nothing. An entry that is still in `ANSWERS` at the limit is skipped by
//! later dumps until its handler has finished.

use crate::signal::{self, User};
use crate::walk::mapped::find_stacks;
use crate::walk::{self, Registers, StackBounds, Text, walk};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Most threads of one dump.
pub const MOST: usize = 1_024;
/// Most addresses of a stack.
const FRAMES: usize = 64;
/// Time between two checks for answers.
const PAUSE: Duration = Duration::from_micros(200);

/// The state of each entry in the upper half of the word, and its thread in the lower half. Apart
/// from the stacks, because handlers search all states.
static STATES: [AtomicU64; MOST] = [const { AtomicU64::new(FREE) }; MOST];
static STACKS: [Stack; MOST] = [const { Stack::new() }; MOST];
/// Number of states that handlers have to search; 0 while there is no dump.
static SEARCHED: AtomicUsize = AtomicUsize::new(0);

const FREE: u64 = 0;
/// The thread has to answer.
const ASKED: u64 = 1 << 32;
/// The thread's handler is writing the stack, which no other code may access.
const ANSWERS: u64 = 2 << 32;
/// The stack is complete.
const DONE: u64 = 3 << 32;

struct Stack {
    depth: AtomicUsize,
    frames: [AtomicUsize; FRAMES],
}

impl Stack {
    const fn new() -> Stack {
        Stack { depth: AtomicUsize::new(0), frames: [const { AtomicUsize::new(0) }; FRAMES] }
    }
}

/// The result of a dump.
#[derive(Debug, Default)]
pub struct Answers {
    /// Stacks by thread, innermost first: the current instruction, then return addresses.
    pub stacks: BTreeMap<i32, Vec<u64>>,
    /// Number of threads that exist and did not answer in time.
    pub silent: usize,
}

/// Dumps threads, at most [`MOST`], and waits at most `limit` for their answers.
///
/// # Errors
/// If threads cannot be signalled: this binary has no frame pointers, or other code handles the
/// signal.
pub fn dump(tids: &[i32], limit: Duration) -> Result<Answers, String> {
    static ONE_DUMP: Mutex<()> = Mutex::new(());
    let _one_dump = ONE_DUMP.lock().unwrap_or_else(PoisonError::into_inner);
    prepare()?;
    find_stacks()?;
    let until = Instant::now() + limit;
    let asked = assign(tids);
    SEARCHED.store(asked.last().map_or(0, |(at, _)| at + 1), Ordering::Release);
    asked.iter().for_each(|(at, tid)| send(*at, *tid, until));
    while Instant::now() < until && asked.iter().any(|(at, tid)| !has_ended(*at, *tid)) {
        std::thread::sleep(PAUSE);
    }
    let answers = collect(&asked);
    SEARCHED.store(0, Ordering::Release);
    Ok(answers)
}

/// Installs the signal handler, once.
fn prepare() -> Result<(), String> {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    let tried = TRIED.get_or_init(|| {
        walk::frame_pointers_work()?;
        signal::install(Text::of_executable()?, User::ThreadDump, answer)
    });
    tried.clone()
}

fn word(state: u64, tid: i32) -> u64 {
    state | u64::from(tid.unsigned_abs())
}

/// Assigns an entry to each thread. Entries in which a handler of an earlier dump still writes are
/// skipped.
fn assign(tids: &[i32]) -> Vec<(usize, i32)> {
    let mut assigned = Vec::with_capacity(tids.len());
    let usable = STATES
        .iter()
        .enumerate()
        .filter(|(_, state)| state.load(Ordering::Acquire) & !u64::from(u32::MAX) != ANSWERS);
    for ((at, state), tid) in usable.zip(tids) {
        state.store(word(ASKED, *tid), Ordering::Relaxed);
        assigned.push((at, *tid));
    }
    assigned
}

/// Sends the signal. Frees the entry of a thread that has ended. If the kernel's queue of signals
/// is full, it retries after a pause, in which other threads handle theirs.
fn send(at: usize, tid: i32, until: Instant) {
    while let Err(error) = signal::send(tid) {
        let full = error.kind() == std::io::ErrorKind::WouldBlock;
        if !full {
            STATES[at].store(FREE, Ordering::Relaxed);
        }
        if !full || Instant::now() >= until {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

fn has_ended(at: usize, tid: i32) -> bool {
    let state = STATES[at].load(Ordering::Acquire);
    state == FREE || state == word(DONE, tid)
}

fn collect(asked: &[(usize, i32)]) -> Answers {
    let mut answers = Answers::default();
    for (at, tid) in asked {
        let (state, stack) = (&STATES[*at], &STACKS[*at]);
        // Cancels the request, unless the handler has started.
        let open =
            state.compare_exchange(word(ASKED, *tid), FREE, Ordering::Relaxed, Ordering::Acquire);
        if open == Err(word(DONE, *tid)) {
            let depth = stack.depth.load(Ordering::Relaxed).min(FRAMES);
            let frames =
                stack.frames[..depth].iter().map(|frame| frame.load(Ordering::Relaxed) as u64);
            answers.stacks.insert(*tid, frames.collect());
            state.store(FREE, Ordering::Relaxed);
        } else if open != Err(FREE) {
            // Not answered in time, or the thread has ended since the signal.
            answers.silent += usize::from(crate::proc::exists(*tid));
        }
    }
    answers
}

/// Writes the stack of the calling thread, if a dump has requested it. Called by the signal
/// handler.
fn answer(registers: &Registers, text: Text, _in_syscall: bool) {
    let searched = SEARCHED.load(Ordering::Acquire).min(MOST);
    if searched == 0 {
        return;
    }
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let (asked, answers) = (word(ASKED, tid), word(ANSWERS, tid));
    let Some(at) =
        STATES[..searched].iter().position(|state| state.load(Ordering::Relaxed) == asked)
    else {
        return;
    };
    if STATES[at].compare_exchange(asked, answers, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return;
    }
    let mut frames = [0; FRAMES];
    let depth = walk(registers, StackBounds::found(), text, &mut frames);
    for (word, frame) in STACKS[at].frames.iter().zip(&frames[..depth]) {
        word.store(*frame, Ordering::Relaxed);
    }
    STACKS[at].depth.store(depth, Ordering::Relaxed);
    STATES[at].store(word(DONE, tid), Ordering::Release);
}

/// The calling thread's own stack, innermost first, in the same form as in a dump.
#[inline(never)]
pub fn own_stack() -> Vec<u64> {
    let mut frames = [0; 2 * FRAMES];
    let bounds = StackBounds::of_this_thread().unwrap_or(StackBounds::NONE);
    let depth = walk::callers(bounds, &mut frames);
    let back = frames[..depth].iter().map(|frame| *frame as u64);
    // The first address of a stack is that of an instruction: the call, one byte before its return.
    back.enumerate()
        .map(|(at, frame)| if at == 0 { frame.saturating_sub(1) } else { frame })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc;
    use std::sync::mpsc;

    #[inline(never)]
    fn waits_here(tid: &mpsc::Sender<i32>, end: &mpsc::Receiver<()>) {
        tid.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        let _ = std::hint::black_box(end.recv());
    }

    #[test]
    fn a_thread_without_registration_answers_with_its_stack() {
        let ((sender, receiver), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        let thread =
            std::thread::Builder::new().spawn(move || waits_here(&sender, &ended)).unwrap();
        let tid = receiver.recv().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let gone = i32::MAX - 7;
        let answers = dump(&[tid, gone], Duration::from_secs(20)).unwrap();
        assert_eq!((answers.stacks.len(), answers.silent), (1, 0));
        let here = waits_here as fn(&mpsc::Sender<i32>, &mpsc::Receiver<()>) as usize as u64;
        let stack = &answers.stacks[&tid];
        assert!(
            stack.iter().any(|address| (here..here + 1_024).contains(address)),
            "{stack:x?} {here:x}"
        );
        assert!(proc::tids().contains(&tid) && !proc::exists(gone));
        drop(end);
        thread.join().unwrap();
    }

    #[test]
    fn a_signal_without_a_dump_writes_nothing() {
        answer(&Registers::default(), Text::of_executable().unwrap(), false);
        assert!(dump(&[], Duration::ZERO).unwrap().stacks.is_empty());
        assert!(own_stack().len() > 3);
    }
}
