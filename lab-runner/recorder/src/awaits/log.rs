//! The mapped file of the records. A record is stored by the thread that ends the wait, without a
//! system call, and survives the end of the process.

use lab_kit::clock;
use lab_recording::awaits::Record;
use lab_recording::awaits::format::{CAPACITY, HEADER_WORDS, MAGIC, VERSION, WORDS, at};
use lab_recording::words::Words;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The file; a process has one in its life.
static LOG: OnceLock<Log> = OnceLock::new();
/// Set when no more waits are recorded.
static CLOSED: AtomicBool = AtomicBool::new(false);

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
    LOG.set(log).map_err(|_| io::Error::other("waits were recorded before"))
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

/// Stores a wait, if recording has begun. `begin_ns` is a time of the clock; a wait that began
/// before the recording is left out.
pub(super) fn append(record: Record) {
    let Some(log) = LOG.get().filter(|_| !CLOSED.load(Ordering::Relaxed)) else { return };
    let Some(begin_ns) = record.begin_ns.checked_sub(log.start_ns) else { return };
    let Some(words) = (Record { begin_ns, ..record }).to_words() else { return };
    // A count in native byte order; both supported architectures are little-endian.
    let due = log.head(at::DUE).fetch_add(1, Ordering::Relaxed) as usize;
    if due >= CAPACITY {
        return;
    }
    let stored = &log.words.as_slice()[HEADER_WORDS + due * WORDS..][..WORDS];
    stored[2].store(words[2].to_le(), Ordering::Relaxed);
    stored[1].store(words[1].to_le(), Ordering::Relaxed);
    // Last, because the record is complete with it.
    stored[0].store(words[0].to_le(), Ordering::Release);
}

/// Waits so far.
pub(crate) fn counted() -> u64 {
    LOG.get().map_or(0, |log| log.head(at::DUE).load(Ordering::Relaxed))
}

impl Log {
    fn head(&self, at: usize) -> &AtomicU64 {
        &self.words.as_slice()[at]
    }
}
