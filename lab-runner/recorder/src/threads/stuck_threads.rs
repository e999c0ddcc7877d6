//! Detection of stuck threads outside of polls. Ten times a second it takes the stacks of all
//! threads that are in no poll and are no parked workers. A thread with the same callers in three
//! or more stacks in a row is stuck.

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

/// Name of the detector's thread.
pub(crate) const THREAD: &str = "lab-stuck";
/// Time between two rounds.
const EVERY: Duration = Duration::from_millis(100);
/// Time that a round waits for answers.
const LIMIT: Duration = Duration::from_millis(50);
/// Most threads of one round.
const SIGNALLED: usize = 64;
/// Number of rounds in a row with the same callers after which a thread is stuck.
const LEAST: u64 = 3;
/// Number of stuck threads that are kept, those that were stuck longest.
const KEPT: usize = 64;
/// Number of innermost frames that may differ, because a stuck thread may call functions in a loop.
const INNERMOST: usize = 2;

/// Number of signals sent so far.
static SIGNALS: AtomicU64 = AtomicU64::new(0);

/// Number of signals sent so far.
pub(crate) fn signals() -> u64 {
    SIGNALS.load(Ordering::Relaxed)
}

/// The running detector, with the thread that writes its file.
pub(crate) struct Detector {
    /// Dropped to stop the thread.
    stop: Sender<()>,
    thread: JoinHandle<()>,
    keeper: Keeper,
}

impl Detector {
    /// Starts the detector.
    ///
    /// # Errors
    /// If threads cannot be signalled, or if a thread cannot be started.
    pub fn start(folder: &Path) -> Result<Detector, String> {
        thread_dump::dump(&[], Duration::ZERO)?;
        let stuck = Arc::new(Mutex::new(StuckThreads::default()));
        let (stop, stopped) = mpsc::channel::<()>();
        let into = Arc::clone(&stuck);
        let thread = thread::Builder::new().name(THREAD.into()).spawn(move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                check_threads(&into);
            }
        });
        let thread = thread.map_err(|error| {
            format!("cannot start the thread that checks for stuck threads: {error}")
        })?;
        let path = folder.join(RAW_STUCK_THREADS);
        let keeper = Keeper::start("lab-threads", move |_last| {
            let all = stuck.lock().unwrap_or_else(PoisonError::into_inner).all();
            with_this_program(clock::now_ns(), all).write(&path)
        })?;
        Ok(Detector { stop, thread, keeper })
    }

    /// Stops the detector and writes the file for the last time.
    ///
    /// # Errors
    /// If the file cannot be written, or if the detector's thread panicked.
    pub fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        let panicked = self.thread.join().is_err();
        self.keeper.stop()?;
        anyhow::ensure!(!panicked, "the thread that checks for stuck threads panicked");
        Ok(())
    }
}

/// One round: takes the stacks of all threads that are in no poll and are no parked workers.
fn check_threads(into: &Mutex<StuckThreads>) {
    let excluded: BTreeSet<i32> =
        open_polls().iter().map(|poll| poll.tid).chain(scheduler::parked_workers()).collect();
    let tids: Vec<i32> = proc::tids().into_iter().filter(|tid| !excluded.contains(tid)).collect();
    let threads: Vec<(i32, String)> =
        proc::program_threads(&tids).into_iter().take(SIGNALLED).collect();
    let tids: Vec<i32> = threads.iter().map(|(tid, _)| *tid).collect();
    SIGNALS.fetch_add(tids.len() as u64, Ordering::Relaxed);
    let Ok(answers) = thread_dump::dump(&tids, LIMIT) else { return };
    let stacks = answers.stacks;
    let threads = threads
        .into_iter()
        .filter_map(|(tid, name)| Some((tid.unsigned_abs(), name, stacks.get(&tid)?.clone())));
    into.lock().unwrap_or_else(PoisonError::into_inner).add(clock::now_ns(), threads);
}

/// Threads with the same callers in successive rounds.
#[derive(Default)]
struct StuckThreads {
    /// Threads of the last round, each with the time of its first round at these callers.
    open: BTreeMap<u32, (u64, StuckThread<Addresses>)>,
    /// Threads that were stuck before.
    over: Vec<StuckThread<Addresses>>,
}

impl StuckThreads {
    /// Adds the threads of one round. A thread that is missing in it is no longer stuck.
    fn add(&mut self, at_ns: u64, threads: impl Iterator<Item = (u32, String, Vec<u64>)>) {
        let mut before = std::mem::take(&mut self.open);
        for (tid, name, stack) in threads {
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

    /// All stuck threads, the longest first.
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

/// Whether two stacks have the same callers: they are equal, or all frames agree except the
/// [`INNERMOST`] of the shorter one. *Example*, innermost first: `[futex, wait, lock, serve, main]`
/// and `[clock, wait, lock, serve, main]` have the same callers.
fn is_same(before: &[u64], after: &[u64]) -> bool {
    let common = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let least = before.len().min(after.len());
    before == after || (least > INNERMOST && common >= least - INNERMOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_thread_keeps_its_callers() {
        assert!(is_same(&[1, 2, 3, 4], &[8, 9, 3, 4]));
        assert!(is_same(&[1, 2, 3, 4], &[6, 7, 8, 9, 3, 4]), "the calls may be deeper");
        assert!(!is_same(&[1, 2, 3, 4], &[1, 2, 9, 4]));
        assert!(!is_same(&[1, 2], &[3, 2]), "the stack is too short");
        assert!(is_same(&[1], &[1]) && !is_same(&[], &[1, 2, 3]));
    }

    #[test]
    fn three_rounds_in_a_row_make_a_stuck_thread_and_a_gap_ends_it() {
        let mut stuck = StuckThreads::default();
        let mut round = |at_ns, threads: &[(u32, u64)]| {
            let threads = threads
                .iter()
                .map(|(tid, place)| (*tid, "t".to_owned(), vec![at_ns, 7, *place, 1]));
            stuck.add(at_ns, threads);
            stuck
                .all()
                .iter()
                .map(|one| (one.tid, one.looks, (one.for_ms * 1e6).round()))
                .collect::<Vec<_>>()
        };
        assert!(round(10, &[(1, 5), (2, 5)]).is_empty());
        assert!(round(20, &[(1, 5), (2, 5)]).is_empty());
        assert_eq!(round(30, &[(1, 5), (2, 6)]), [(1, 3, 20.0)]);
        assert_eq!(round(40, &[(2, 6)]), [(1, 3, 20.0)]);
        assert_eq!(round(50, &[(1, 5), (2, 6)]), [(1, 3, 20.0), (2, 3, 20.0)]);
        assert_eq!(round(60, &[(1, 5), (2, 6)]), [(2, 4, 30.0), (1, 3, 20.0)]);
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
