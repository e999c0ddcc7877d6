//! Keeps the file by which a profiler's half in the child reports to its half in the parent: it is
//! replaced as a whole again and again while the run goes on, because a child may be killed at any
//! moment.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two writes: what a run that is killed may lose.
const PAUSE: Duration = Duration::from_millis(500);
/// Writing may take the fiftieth part of the time; a profiler that has much to write does so more
/// rarely.
const SHARE: u32 = 50;

/// A thread that writes the file while the profiler runs.
pub(crate) struct Keeper {
    /// Dropped to end it.
    looking: Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Keeper {
    /// Calls `write` every now and then, and with `true` for the last time. Its first error ends
    /// the writing.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(
        name: &str,
        mut write: impl FnMut(bool) -> anyhow::Result<()> + Send + 'static,
    ) -> Result<Keeper, String> {
        let (looking, until) = mpsc::channel::<()>();
        let work = move || {
            let mut pause = PAUSE;
            loop {
                let last = until.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
                let begin = Instant::now();
                write(last)?;
                if last {
                    return Ok(());
                }
                pause = PAUSE.max(begin.elapsed() * SHARE);
            }
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(work);
        let thread = thread.map_err(|error| format!("cannot start the writer thread: {error}"))?;
        Ok(Keeper { looking, thread })
    }

    /// Ends it, once all is written.
    ///
    /// # Errors
    /// If writing failed.
    pub fn stop(self) -> anyhow::Result<()> {
        drop(self.looking);
        self.thread.join().unwrap_or_else(|_| anyhow::bail!("the writer thread panicked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_write_is_made_whenever_it_is_stopped_and_its_error_is_told() {
        let (say, said) = mpsc::channel();
        let keeper = Keeper::start("lab-test", move |last| Ok(say.send(last)?)).unwrap();
        keeper.stop().unwrap();
        assert_eq!(said.iter().last(), Some(true));
        let full = Keeper::start("lab-test", |_| anyhow::bail!("the disk is full")).unwrap();
        assert_eq!(full.stop().unwrap_err().to_string(), "the disk is full");
    }
}
