//! The thread that reads the statistics of the allocator during a run.

use crate::alloc::churn::{self, Churn};
use crate::alloc::jemalloc;
use lab_kit::clock;
use lab_recording::observations::{MEMORY, MemoryAt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Initial time between two readings.
const PERIOD: Duration = Duration::from_millis(50);
/// Most readings that are kept. Beyond that, every second one is dropped and the period doubles.
const MOST: usize = 2_000;
/// Number of readings between two writes of the file.
const WRITE_EVERY: usize = 10;

/// The running thread.
#[derive(Debug)]
pub struct MemoryThread {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl MemoryThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(readings: Readings, churn: Option<Arc<Churn>>) -> Result<MemoryThread, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("lab-alloc".to_owned())
            .spawn(move || Readings { churn, ..readings }.read_until(&stopped))
            .map_err(|e| e.to_string())?;
        Ok(MemoryThread { stop, thread })
    }

    /// Stops the thread after a last reading.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        // After a panic of the thread, the file has the readings up to its last write.
        let _ = self.thread.join();
    }
}

/// The readings. Made before sampling starts and with all of its memory, so that its allocations do
/// not count as churn.
pub struct Readings {
    folder: PathBuf,
    churn: Option<Arc<Churn>>,
    start_ns: u64,
    period: Duration,
    readings: Vec<MemoryAt>,
    text: Vec<u8>,
}

impl Readings {
    /// No readings yet.
    pub fn new(folder: &Path) -> Readings {
        let (readings, text) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST * 128));
        Readings {
            folder: folder.to_owned(),
            churn: None,
            start_ns: clock::now_ns(),
            period: PERIOD,
            readings,
            text,
        }
    }

    fn read_until(mut self, stopped: &AtomicBool) {
        churn::exclude_this_thread();
        for number in 0.. {
            let last = stopped.load(Ordering::Acquire);
            // What is left when the variant has returned is no memory of its load.
            if !last {
                self.read();
            }
            if last || number % WRITE_EVERY == 0 {
                self.write();
            }
            if last {
                return;
            }
            thread::park_timeout(self.period);
        }
    }

    fn read(&mut self) {
        if let Some(churn) = &self.churn {
            churn.write_totals();
        }
        let Some([allocated, active, resident]) = jemalloc::memory() else { return };
        if self.readings.len() == MOST {
            self.thin_out();
        }
        let ms = (clock::now_ns() - self.start_ns) as f64 / 1e6;
        self.readings.push(MemoryAt { ms, allocated, active, resident });
    }

    fn thin_out(&mut self) {
        let mut even = false;
        self.readings.retain(|_| {
            even = !even;
            even
        });
        self.period *= 2;
    }

    /// Replaces the file as a whole. Errors are ignored: the readings are a supplement, and without
    /// them the profile is still complete.
    fn write(&mut self) {
        self.text.clear();
        if self.readings.is_empty() {
            return;
        }
        if serde_json::to_writer(&mut self.text, &self.readings).is_err() {
            return;
        }
        let _ = lab_recording::file::replace(&self.folder.join(MEMORY), &self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_a_bounded_number_of_readings() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Readings::new(folder.path());
        let reading = |at: usize| MemoryAt { ms: at as f64, allocated: 1, active: 2, resident: 3 };
        all.readings = (0..MOST).map(reading).collect();
        all.thin_out();
        assert_eq!(
            (all.readings.len(), all.readings[1].ms, all.period),
            (MOST / 2, 2.0, 2 * PERIOD)
        );
        all.write();
        let read: Vec<MemoryAt> =
            serde_json::from_slice(&std::fs::read(folder.path().join(MEMORY)).unwrap()).unwrap();
        assert_eq!(read, all.readings);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing half written is left"
        );
    }
}
