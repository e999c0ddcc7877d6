//! How a lens' half in the child tells its other half in the parent what it saw: by a file that is written again and again
//! while the run goes on, and replaced as a whole, for a child may be killed at any moment.

use anyhow::Context;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two writes: what a run that is killed may lose.
const PAUSE: Duration = Duration::from_millis(500);
/// Writing may take the fiftieth part of the time; a lens that has much to write does so more rarely.
const SHARE: u32 = 50;

/// A thread that writes the file while the lens looks.
pub(super) struct Keeper {
    /// Dropped to end it.
    looking: Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Keeper {
    /// Calls `write` every now and then, and with `true` for the last time. Its first error ends the writing.
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
        let thread = thread.map_err(|error| format!("no thread can be had to write down what is seen: {error}"))?;
        Ok(Keeper { looking, thread })
    }

    /// Ends it, once all is written.
    ///
    /// # Errors
    /// What writing said.
    pub fn stop(self) -> anyhow::Result<()> {
        drop(self.looking);
        self.thread.join().unwrap_or_else(|_| anyhow::bail!("the thread that writes it down panicked"))
    }
}

/// Puts a file in the place of an older one, or leaves that as it was.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let done = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, path));
    done.with_context(|| format!("cannot write {}: free some room or try another --out", path.display()))
}

/// Reads such a file.
///
/// # Errors
/// If there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let bytes = std::fs::read(path).context("the run was killed before its profile was written: try a longer one")?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged: repeat the run", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_missing_one_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.json");
        let error = read::<Vec<u64>>(&path).unwrap_err();
        assert!(error.to_string().contains("killed before"), "{error}");
        replace(&path, b"[1]").unwrap();
        replace(&path, b"[2]").unwrap();
        assert_eq!(read::<Vec<u64>>(&path).unwrap(), [2]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        replace(&path, b"[").unwrap();
        assert!(read::<Vec<u64>>(&path).unwrap_err().to_string().contains("damaged"));
    }

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
