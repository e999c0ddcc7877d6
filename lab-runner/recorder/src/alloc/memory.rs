//! The thread that reads the allocator's statistics during a run: what it holds, and what was
//! counted.

use crate::alloc::churn::{self, Churn};
use crate::alloc::jemalloc;
use lab_kit::clock;
use lab_recording::observations::{MEMORY, MemoryAt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two looks, at first.
const PERIOD: Duration = Duration::from_millis(50);
/// Looks that are kept; when there are more, every second one is dropped and looks become rarer.
const MOST: usize = 2_000;
/// Looks between two times that they are written down.
const WRITE_EVERY: usize = 10;

/// A thread at work.
#[derive(Debug)]
pub struct Watch {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Starts to look.
    ///
    /// # Errors
    /// If there can be no thread more.
    pub fn start(looks: Looks, churn: Option<Arc<Churn>>) -> Result<Watch, String> {
        let ended = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ended);
        let look = move || Looks { churn, ..looks }.until(&until);
        let thread = thread::Builder::new()
            .name("lab-alloc".to_owned())
            .spawn(look)
            .map_err(|e| e.to_string())?;
        Ok(Watch { ended, thread })
    }

    /// Ends it after a last look.
    pub fn stop(self) {
        self.ended.store(true, Ordering::Release);
        self.thread.thread().unpark();
        // A thread that panicked has left what it had written before.
        let _ = self.thread.join();
    }
}

/// What was seen. Made before anything is looked at, for all that it will ever need is the
/// profiler's own and nobody's churn.
pub struct Looks {
    folder: PathBuf,
    churn: Option<Arc<Churn>>,
    start_ns: u64,
    period: Duration,
    seen: Vec<MemoryAt>,
    text: Vec<u8>,
}

impl Looks {
    /// None yet.
    pub fn new(folder: &Path) -> Looks {
        let (seen, text) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST * 128));
        Looks {
            folder: folder.to_owned(),
            churn: None,
            start_ns: clock::now_ns(),
            period: PERIOD,
            seen,
            text,
        }
    }

    fn until(mut self, ended: &AtomicBool) {
        churn::leave_this_thread_out();
        for look in 0.. {
            self.look();
            let last = ended.load(Ordering::Acquire);
            if last || look % WRITE_EVERY == 0 {
                self.write();
            }
            if last {
                return;
            }
            thread::park_timeout(self.period);
        }
    }

    fn look(&mut self) {
        self.churn.iter().for_each(|churn| churn.tell_counted());
        let Some([allocated, active, resident]) = jemalloc::memory() else { return };
        if self.seen.len() == MOST {
            self.thin_out();
        }
        let ms = (clock::now_ns() - self.start_ns) as f64 / 1e6;
        self.seen.push(MemoryAt { ms, allocated, active, resident });
    }

    fn thin_out(&mut self) {
        let mut even = false;
        self.seen.retain(|_| {
            even = !even;
            even
        });
        self.period *= 2;
    }

    /// Writes down what was seen, so that whoever reads finds all of one look or of the other. What
    /// cannot be written is not there, and nothing else suffers.
    fn write(&mut self) {
        self.text.clear();
        if self.seen.is_empty() || serde_json::to_writer(&mut self.text, &self.seen).is_err() {
            return;
        }
        let _ = lab_recording::file::replace(&self.folder.join(MEMORY), &self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_fewer_looks_and_not_more_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut looks = Looks::new(folder.path());
        let seen = |at: usize| MemoryAt { ms: at as f64, allocated: 1, active: 2, resident: 3 };
        looks.seen = (0..MOST).map(seen).collect();
        looks.thin_out();
        assert_eq!((looks.seen.len(), looks.seen[1].ms, looks.period), (MOST / 2, 2.0, 2 * PERIOD));
        looks.write();
        let read: Vec<MemoryAt> =
            serde_json::from_slice(&std::fs::read(folder.path().join(MEMORY)).unwrap()).unwrap();
        assert_eq!(read, looks.seen);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing half written is left"
        );
    }
}
