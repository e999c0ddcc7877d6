//! Periodic writing of a profiler's file. A child may be killed at any moment, so the file is
//! replaced as a whole again and again during the run.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Shortest time between two writes. A run that is killed may lose that much.
const PAUSE: Duration = Duration::from_millis(500);
/// The pause is at least this multiple of the last write, so that writing takes at most 2 % of the
/// time.
const SHARE: u32 = 50;

/// A thread that writes the file while the profiler runs.
pub(crate) struct Keeper {
    /// Dropped to stop the thread.
    stop: Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Keeper {
    /// Starts the thread. It calls `write` periodically, and with `true` for the last time. The
    /// first error ends the thread.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        name: &str,
        mut write: impl FnMut(bool) -> anyhow::Result<()> + Send + 'static,
    ) -> Result<Keeper, String> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            let mut pause = PAUSE;
            loop {
                let last = stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
                let begin = Instant::now();
                write(last)?;
                if last {
                    return Ok(());
                }
                pause = PAUSE.max(begin.elapsed() * SHARE);
            }
        });
        let thread = thread.map_err(|error| format!("cannot start the writer thread: {error}"))?;
        Ok(Keeper { stop, thread })
    }

    /// Writes for the last time and stops the thread.
    ///
    /// # Errors
    /// If a write failed.
    pub fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_| anyhow::bail!("the writer thread panicked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_makes_the_last_write_and_returns_its_error() {
        let (sender, writes) = mpsc::channel();
        let keeper = Keeper::start("lab-test", move |last| Ok(sender.send(last)?)).unwrap();
        keeper.stop().unwrap();
        assert_eq!(writes.iter().last(), Some(true));
        let full = Keeper::start("lab-test", |_| anyhow::bail!("the disk is full")).unwrap();
        assert_eq!(full.stop().unwrap_err().to_string(), "the disk is full");
    }
}
