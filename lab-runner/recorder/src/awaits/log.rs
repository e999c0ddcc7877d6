//! The mapped file of the records. A record is stored by the thread that ends the wait, without a
//! system call, and survives the end of the process.

use lab_kit::clock;
use lab_recording::awaits::Record;
use lab_recording::awaits::format::{CAPACITY, HEADER_WORDS, MAGIC, VERSION, WORDS, at};
use lab_recording::words::Words;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The file; a process has one in its life.
static LOG: OnceLock<Log> = OnceLock::new();
/// Set when no more waits are recorded.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// The latest records of the warm-up: who waits for ever since then cannot be told without them.
static EARLY: Mutex<VecDeque<Record>> = Mutex::new(VecDeque::new());
/// Records of the warm-up that are kept.
const MOST_EARLY: usize = 4_096;

struct Log {
    words: Words,
    start_ns: u64,
}

/// Makes the file, with which recording begins.
pub(super) fn start(path: &Path) -> io::Result<()> {
    let words = Words::create(path, HEADER_WORDS + CAPACITY * WORDS)?;
    let log = Log { words, start_ns: clock::now_ns() };
    log.head(at::MAGIC).store(MAGIC.to_le(), Ordering::Relaxed);
    log.head(at::VERSION).store(VERSION.to_le(), Ordering::Relaxed);
    log.head(at::START_NS).store(log.start_ns.to_le(), Ordering::Relaxed);
    LOG.set(log).map_err(|_| io::Error::other("waits were recorded before"))?;
    let of_the_warm_up = std::mem::take(&mut *early());
    of_the_warm_up.into_iter().for_each(append);
    Ok(())
}

fn early() -> MutexGuard<'static, VecDeque<Record>> {
    EARLY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the recording: later waits are left out.
pub(super) fn stop() {
    CLOSED.store(true, Ordering::Relaxed);
}

/// Sets the end of the recording, up to which open waits are known.
pub(super) fn close_at(now_ns: u64) {
    if let Some(log) = LOG.get() {
        log.head(at::CLOSED_NS).store(now_ns.to_le(), Ordering::Relaxed);
    }
}

/// Stores a wait. `begin_ns` is a time of the clock; of a wait that began before the recording the
/// part in the recording is stored.
pub(super) fn append(record: Record) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    if let Some(log) = LOG.get() {
        log.store(record);
        return;
    }
    let mut early = early();
    if early.len() == MOST_EARLY {
        early.pop_front();
    }
    early.push_back(record);
}

/// A wait as it is seen from this moment on.
fn since(start_ns: u64, record: Record) -> Record {
    let cut_ns = start_ns.saturating_sub(record.begin_ns);
    let awaited_ns = record.awaited_ns.saturating_sub(cut_ns);
    let rest_ns = cut_ns.saturating_sub(record.awaited_ns);
    let runnable_ns = record.runnable_ns.saturating_sub(rest_ns);
    let begin_ns = record.begin_ns.saturating_sub(start_ns);
    Record { begin_ns, awaited_ns, runnable_ns, ..record }
}

/// Waits so far.
pub(crate) fn counted() -> u64 {
    LOG.get().map_or(0, |log| log.head(at::DUE).load(Ordering::Relaxed))
}

impl Log {
    fn store(&self, record: Record) {
        let Some(words) = since(self.start_ns, record).to_words() else { return };
        // A count in native byte order; both supported architectures are little-endian.
        let due = self.head(at::DUE).fetch_add(1, Ordering::Relaxed) as usize;
        if due >= CAPACITY {
            return;
        }
        let stored = &self.words.as_slice()[HEADER_WORDS + due * WORDS..][..WORDS];
        stored[2].store(words[2].to_le(), Ordering::Relaxed);
        stored[1].store(words[1].to_le(), Ordering::Relaxed);
        // Last, because the record is complete with it.
        stored[0].store(words[0].to_le(), Ordering::Release);
    }

    fn head(&self, at: usize) -> &AtomicU64 {
        &self.words.as_slice()[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::awaits::{Future, Kind, Waker};

    #[test]
    fn of_a_wait_the_part_in_the_recording_is_stored() {
        let wait = |begin_ns, awaited_ns, runnable_ns| Record {
            kind: Kind::Open,
            future: Future::Request(0),
            place: 1,
            leaf: 0,
            waker: Waker::Outside,
            waker_stack: 2,
            begin_ns,
            awaited_ns,
            runnable_ns,
        };
        assert_eq!(since(100, wait(130, 7, 3)), wait(30, 7, 3));
        assert_eq!(since(100, wait(90, 25, 3)), wait(0, 15, 3));
        assert_eq!(since(100, wait(90, 4, 8)), wait(0, 0, 2));
        assert_eq!(since(100, wait(9, 4, 8)), wait(0, 0, 0), "all of it was before");
    }
}
