//! Slow storage without privileges: a named pipe, to which a thread of this process writes late.
//!
//! The reader is in a real blocking `read(2)`, as with a disk that does not answer, and uses no CPU
//! meanwhile.

use anyhow::Context;
use rustix::fs::{CWD, Mode, mkfifoat};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Named pipes and their writer threads. Dropping it ends the threads and removes the pipes.
#[derive(Debug, Default)]
pub struct SlowStorage {
    pipes: Vec<Pipe>,
    readers: Arc<Readers>,
    stop: Arc<AtomicBool>,
}

/// Number of pipes that are being read.
#[derive(Debug, Default)]
struct Readers {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Debug)]
struct Pipe {
    path: PathBuf,
    writer: JoinHandle<()>,
}

impl SlowStorage {
    /// Adds a pipe that can be read once: its reader gets `text`, `latency` after the pipe was
    /// opened. Removes the pipes that were read.
    ///
    /// # Errors
    /// If the pipe cannot be made or its writer thread cannot be started.
    pub fn add(&mut self, path: PathBuf, latency: Duration, text: Arc<str>) -> anyhow::Result<()> {
        for read in self.pipes.extract_if(.., |pipe| pipe.writer.is_finished()) {
            let _ = std::fs::remove_file(read.path);
        }
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR)
            .with_context(|| format!("cannot make the named pipe {}", path.display()))?;
        let (to, readers) = (path.clone(), Arc::clone(&self.readers));
        let stop = Arc::clone(&self.stop);
        let writer = thread::Builder::new().name("slow-storage".into());
        let writer = writer
            .spawn(move || write_late(&to, latency, &text, &readers, &stop))
            .context("cannot start a writer")?;
        self.pipes.push(Pipe { path, writer });
        Ok(())
    }

    /// The most pipes that were read at the same time so far.
    pub fn most_readers(&self) -> usize {
        self.readers.most.load(Ordering::Relaxed)
    }
}

/// Opens the pipe, which blocks until there is a reader, and writes the text after the latency. The
/// reader may be gone by then, because its deadline has passed; the error is ignored.
fn write_late(path: &Path, latency: Duration, text: &str, readers: &Readers, stop: &AtomicBool) {
    let Ok(mut pipe) = File::options().write(true).open(path) else { return };
    let now = readers.now.fetch_add(1, Ordering::Relaxed) + 1;
    readers.most.fetch_max(now, Ordering::Relaxed);
    let due = Instant::now() + latency;
    while Instant::now() < due && !stop.load(Ordering::Acquire) {
        // In short sleeps, so that an interrupted run does not wait for the whole latency.
        thread::sleep(due.saturating_duration_since(Instant::now()).min(Duration::from_millis(20)));
    }
    if !stop.load(Ordering::Acquire) {
        let _ = pipe.write_all(text.as_bytes());
    }
    readers.now.fetch_sub(1, Ordering::Relaxed);
}

impl Drop for SlowStorage {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for pipe in self.pipes.drain(..) {
            // The writer of a pipe that was never read is still blocked in `open`: a non-blocking
            // reader releases it.
            let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
            let reader = OpenOptions::new().read(true).custom_flags(nonblocking).open(&pipe.path);
            let _ = pipe.writer.join();
            drop(reader);
            let _ = std::fs::remove_file(&pipe.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_blocks_for_the_latency_and_returns_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("document");
        let mut storage = SlowStorage::default();
        storage.add(path.clone(), Duration::from_millis(50), "some words".into()).unwrap();
        let begin = Instant::now();
        assert_eq!(storage.most_readers(), 0);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "some words");
        assert!(begin.elapsed() >= Duration::from_millis(50));
        assert_eq!(storage.most_readers(), 1);
        drop(storage);
        assert!(!path.exists());
    }

    #[test]
    fn pipes_that_are_not_read_do_not_block_the_drop() {
        let folder = tempfile::tempdir().unwrap();
        let mut storage = SlowStorage::default();
        storage.add(folder.path().join("unread"), Duration::from_secs(3_600), "".into()).unwrap();
        let half_read = folder.path().join("half-read");
        storage.add(half_read.clone(), Duration::from_secs(3_600), "".into()).unwrap();
        let _reader = OpenOptions::new().read(true).open(&half_read).unwrap();
        drop(storage);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
