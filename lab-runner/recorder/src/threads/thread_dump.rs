//! The stacks of all threads of the process, asked for by a thread that needs none of them: it
//! sends each a signal, whose handler leaves the stack in a table that was there before.
//!
//! A thread need not have announced itself, and may be stuck anywhere but in the kernel's own
//! sleep. One that does not answer in time answers nobody later: what was asked of it is taken
//! back.

use crate::signal::{self, Asker};
use crate::walk::mapped::look_for_stacks;
use crate::walk::{self, Registers, StackBounds, Text, walk};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Threads that can be signalled at a time.
pub const MOST: usize = 1_024;
/// Addresses of a stack that are kept.
const FRAMES: usize = 64;
/// Between two checks of the answers.
const PAUSE: Duration = Duration::from_micros(200);

/// Who is asked, and how far that has come: a state and a thread. On cache lines of their own, for
/// handlers search them.
static STATES: [AtomicU64; MOST] = [const { AtomicU64::new(FREE) }; MOST];
static STACKS: [Stack; MOST] = [const { Stack::new() }; MOST];
/// States that handlers have to search; 0 while no dump is made.
static SEARCHED: AtomicUsize = AtomicUsize::new(0);

const FREE: u64 = 0;
/// The thread is to answer.
const ASKED: u64 = 1 << 32;
/// Its handler is running, and no other code may touch the stack.
const ANSWERS: u64 = 2 << 32;
/// It has answered.
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

/// What threads answered.
#[derive(Debug, Default)]
pub struct Answers {
    /// Stacks by thread, innermost first: the instruction, then where each call comes back to.
    pub stacks: BTreeMap<i32, Vec<u64>>,
    /// Threads that did not answer in time. Those that ended meanwhile are not among them.
    pub silent: usize,
}

/// Asks these threads, at most [`MOST`], and waits so long for their answers.
///
/// # Errors
/// If threads cannot be asked here: this binary has no frame pointers, or other code handles the
/// signal.
pub fn ask(tids: &[i32], limit: Duration) -> Result<Answers, String> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    prepare()?;
    look_for_stacks()?;
    let until = Instant::now() + limit;
    let asked = put_down(tids);
    SEARCHED.store(asked.last().map_or(0, |(at, _)| at + 1), Ordering::Release);
    asked.iter().for_each(|(at, tid)| send(*at, *tid, until));
    while Instant::now() < until && asked.iter().any(|(at, tid)| !has_ended(*at, *tid)) {
        std::thread::sleep(PAUSE);
    }
    let answers = collect(&asked);
    SEARCHED.store(0, Ordering::Release);
    Ok(answers)
}

/// Tries once whether threads can be signalled.
fn prepare() -> Result<(), String> {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    let tried = TRIED.get_or_init(|| {
        walk::frame_pointers_work()?;
        signal::install(Text::of_executable()?, Asker::ThreadDump, answer)
    });
    tried.clone()
}

fn word(state: u64, tid: i32) -> u64 {
    state | u64::from(tid.unsigned_abs())
}

/// Finds a place for each thread. One in which an answer of an earlier thread dump is still being
/// written stays as it is.
fn put_down(tids: &[i32]) -> Vec<(usize, i32)> {
    let states = STATES.iter().enumerate();
    let free =
        states.filter(|(_, state)| state.load(Ordering::Acquire) & !u64::from(u32::MAX) != ANSWERS);
    let put = |((at, state), tid): ((usize, &AtomicU64), &i32)| {
        state.store(word(ASKED, *tid), Ordering::Relaxed);
        (at, *tid)
    };
    free.zip(tids).map(put).collect()
}

/// Sends the signal. A thread that has ended is asked no more; where the kernel's queue is full,
/// somebody will answer soon.
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
        // Takes back what was not begun.
        let open =
            state.compare_exchange(word(ASKED, *tid), FREE, Ordering::Relaxed, Ordering::Acquire);
        if open == Err(word(DONE, *tid)) {
            let depth = stack.depth.load(Ordering::Relaxed).min(FRAMES);
            let frames =
                stack.frames[..depth].iter().map(|frame| frame.load(Ordering::Relaxed) as u64);
            answers.stacks.insert(*tid, frames.collect());
            state.store(FREE, Ordering::Relaxed);
        } else if open != Err(FREE) {
            // The number of a thread that has ended may stand here; nobody will answer for it.
            answers.silent += usize::from(crate::proc::exists(*tid));
        }
    }
    answers
}

/// Answers, if this thread is asked. Called by the signal handler.
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

/// The calling thread's own stack, innermost first, in the same form.
#[inline(never)]
pub fn own_stack() -> Vec<u64> {
    let mut frames = [0; 2 * FRAMES];
    let bounds = StackBounds::of_this_thread().unwrap_or(StackBounds::NONE);
    let depth = walk::callers(bounds, &mut frames);
    let back = frames[..depth].iter().map(|frame| *frame as u64);
    // The first one stands for an instruction, which here is a call.
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
    fn waits_here(tell: &mpsc::Sender<i32>, end: &mpsc::Receiver<()>) {
        tell.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        let _ = std::hint::black_box(end.recv());
    }

    #[test]
    fn a_thread_that_never_announced_itself_answers_with_its_stack() {
        let ((tell, told), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        let thread = std::thread::Builder::new().spawn(move || waits_here(&tell, &ended)).unwrap();
        let tid = told.recv().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let gone = i32::MAX - 7;
        let answers = ask(&[tid, gone], Duration::from_secs(20)).unwrap();
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
    fn a_thread_that_nobody_asks_answers_nothing() {
        answer(&Registers::default(), Text::of_executable().unwrap(), false);
        assert!(ask(&[], Duration::ZERO).unwrap().stacks.is_empty());
        assert!(own_stack().len() > 3);
    }
}
