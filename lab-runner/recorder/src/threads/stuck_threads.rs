//! Stuck threads outside of polls: ten times a second, each thread that no hook reports on is
//! signalled for its stack.

use crate::keeper::Keeper;
use crate::proc;
use crate::scheduler;
use crate::stall::open_polls;
use crate::threads::program::with_this_program;
use crate::threads::thread_dump;
use lab_kit::clock;
use lab_recording::post_mortem::Addresses;
use lab_recording::threads::{RAW_STUCK_THREADS, StuckThread};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(100);
/// How long a look waits for answers.
const LIMIT: Duration = Duration::from_millis(50);
/// Threads that are signalled in one look.
const ASKED: usize = 64;
/// Looks in a row that make a thread a stuck one.
const LEAST: u64 = 3;
/// Stuck threads that are kept, those that were stuck longest.
const KEPT: usize = 64;
/// Frames that may change while a thread stays where it is: what it calls there.
const INNERMOST: usize = 2;

/// Threads that were signalled so far.
static ASKED_SO_FAR: AtomicU64 = AtomicU64::new(0);

/// How many threads were signalled for their stacks so far.
pub(crate) fn asked() -> u64 {
    ASKED_SO_FAR.load(Ordering::Relaxed)
}

/// Looks until it is stopped, and keeps the file up to date meanwhile.
pub(crate) struct Watch {
    /// Dropped to end it.
    looking: Sender<()>,
    thread: JoinHandle<()>,
    keeper: Keeper,
}

impl Watch {
    /// Begins to look.
    ///
    /// # Errors
    /// If threads cannot be signalled here, or the thread that does so cannot be started.
    pub fn start(folder: &Path) -> Result<Watch, String> {
        thread_dump::ask(&[], Duration::ZERO)?;
        let seen = Arc::new(Mutex::new(StuckThreads::default()));
        let (looking, until) = mpsc::channel::<()>();
        let into = Arc::clone(&seen);
        let work = move || {
            while until.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                look(&into);
            }
        };
        let thread = thread::Builder::new().name("lab-stuck_threads".into()).spawn(work);
        let thread = thread.map_err(|error| {
            format!("cannot start the thread that checks for stuck threads: {error}")
        })?;
        let path = folder.join(RAW_STUCK_THREADS);
        let keeper = Keeper::start("lab-threads", move |_last| {
            let all = seen.lock().unwrap_or_else(PoisonError::into_inner).all();
            with_this_program(clock::now_ns(), all).write(&path)
        })?;
        Ok(Watch { looking, thread, keeper })
    }

    /// Ends it, once all is written.
    ///
    /// # Errors
    /// If writing failed.
    pub fn stop(self) -> anyhow::Result<()> {
        drop(self.looking);
        let panicked = self.thread.join().is_err();
        self.keeper.stop()?;
        anyhow::ensure!(!panicked, "the thread that checks for stuck threads panicked");
        Ok(())
    }
}

/// One look at all threads that no hook reports on: they are in no poll, and do not sleep as
/// workers.
fn look(into: &Mutex<StuckThreads>) {
    let told: BTreeSet<i32> =
        open_polls().iter().map(|poll| poll.tid).chain(scheduler::asleep()).collect();
    let untold: Vec<i32> = proc::tids().into_iter().filter(|tid| !told.contains(tid)).collect();
    let asked: Vec<(i32, String)> = proc::strangers(&untold).into_iter().take(ASKED).collect();
    let tids: Vec<i32> = asked.iter().map(|(tid, _)| *tid).collect();
    ASKED_SO_FAR.fetch_add(tids.len() as u64, Ordering::Relaxed);
    let Ok(answers) = thread_dump::ask(&tids, LIMIT) else { return };
    let stacks = answers.stacks;
    let seen = asked
        .into_iter()
        .filter_map(|(tid, name)| Some((tid.unsigned_abs(), name, stacks.get(&tid)?.clone())));
    into.lock().unwrap_or_else(PoisonError::into_inner).add(clock::now_ns(), seen);
}

/// Runs of looks in a row that found a thread at the same place.
#[derive(Default)]
struct StuckThreads {
    /// When the first look found it there, and the thread.
    open: BTreeMap<u32, (u64, StuckThread<Addresses>)>,
    over: Vec<StuckThread<Addresses>>,
}

impl StuckThreads {
    /// Adds the threads of one look. A thread that is missing there is no longer stuck.
    fn add(&mut self, at_ns: u64, seen: impl Iterator<Item = (u32, String, Vec<u64>)>) {
        let mut before = std::mem::take(&mut self.open);
        for (tid, name, stack) in seen {
            let now = match before.remove(&tid) {
                Some((from_ns, stuck)) if is_same(&stuck.stack, &stack) => {
                    let for_ms = (at_ns - from_ns) as f64 / 1e6;
                    (from_ns, StuckThread { for_ms, looks: stuck.looks + 1, ..stuck })
                }
                moved => {
                    self.over.extend(moved.map(|(_, thread)| thread));
                    (at_ns, StuckThread { tid, name, stack, for_ms: 0.0, looks: 1 })
                }
            };
            self.open.insert(tid, now);
        }
        self.over.extend(before.into_values().map(|(_, thread)| thread));
        self.over = longest(std::mem::take(&mut self.over));
    }

    /// Those that are over and those that are not, the longest first.
    fn all(&self) -> Vec<StuckThread<Addresses>> {
        let open = self.open.values().map(|(_, thread)| thread);
        longest(self.over.iter().chain(open).cloned().collect())
    }
}

fn longest(mut all: Vec<StuckThread<Addresses>>) -> Vec<StuckThread<Addresses>> {
    all.retain(|one| one.looks >= LEAST);
    all.sort_by(|a, b| b.for_ms.total_cmp(&a.for_ms));
    all.truncate(KEPT);
    all
}

/// Whether two stacks are at the same place: they have the same callers, but for what the innermost
/// functions call now.
fn is_same(before: &[u64], after: &[u64]) -> bool {
    let common = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let least = before.len().min(after.len());
    before == after || (least > INNERMOST && common >= least - INNERMOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stands_where_its_callers_stay_the_same() {
        assert!(is_same(&[1, 2, 3, 4], &[8, 9, 3, 4]));
        assert!(is_same(&[1, 2, 3, 4], &[6, 7, 8, 9, 3, 4]), "what is called may be deeper");
        assert!(!is_same(&[1, 2, 3, 4], &[1, 2, 9, 4]));
        assert!(!is_same(&[1, 2], &[3, 2]), "too little is known");
        assert!(is_same(&[1], &[1]) && !is_same(&[], &[1, 2, 3]));
    }

    #[test]
    fn three_looks_in_a_row_make_a_stuck_thread_and_a_gap_ends_it() {
        let mut stuck = StuckThreads::default();
        let mut look = |at_ns, seen: &[(u32, u64)]| {
            let seen =
                seen.iter().map(|(tid, place)| (*tid, "t".to_owned(), vec![at_ns, 7, *place, 1]));
            stuck.add(at_ns, seen);
            stuck
                .all()
                .iter()
                .map(|one| (one.tid, one.looks, (one.for_ms * 1e6).round()))
                .collect::<Vec<_>>()
        };
        assert!(look(10, &[(1, 5), (2, 5)]).is_empty());
        assert!(look(20, &[(1, 5), (2, 5)]).is_empty());
        assert_eq!(look(30, &[(1, 5), (2, 6)]), [(1, 3, 20.0)]);
        assert_eq!(look(40, &[(2, 6)]), [(1, 3, 20.0)]);
        assert_eq!(look(50, &[(1, 5), (2, 6)]), [(1, 3, 20.0), (2, 3, 20.0)]);
        assert_eq!(look(60, &[(1, 5), (2, 6)]), [(2, 4, 30.0), (1, 3, 20.0)]);
    }

    #[test]
    fn only_the_longest_are_kept() {
        let mut stuck = StuckThreads::default();
        for at_ns in 0..4 {
            stuck.add(at_ns, (0..100).map(|tid| (tid, String::new(), vec![u64::from(tid)])));
        }
        stuck.add(9, std::iter::empty());
        assert_eq!((stuck.all().len(), stuck.open.len()), (KEPT, 0));
    }
}
