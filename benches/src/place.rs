//! The folder for the recordings of a bench: in memory if possible, so that no disk is timed. It is
//! removed at the end of the bench, also after an interruption.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::{Builder, TempDir};

/// A folder in memory, on Linux.
const IN_MEMORY: &str = "/dev/shm";
/// Bytes that a run needs at most.
const ROOM: usize = 4 << 20;

/// The folder of all runs of a bench.
#[derive(Debug)]
pub struct RunFolders(TempDir);

impl RunFolders {
    /// Makes the folder, and installs a signal handler that removes it.
    ///
    /// # Errors
    /// If there is no room, or if the signal handler cannot be installed.
    pub fn create() -> anyhow::Result<RunFolders> {
        let folder = with_room(Path::new(IN_MEMORY)).or_else(|_| with_room(&std::env::temp_dir()));
        let folder =
            folder.context("cannot make a temporary folder: free some room or set TMPDIR")?;
        remove_when_interrupted(folder.path().to_owned())?;
        Ok(RunFolders(folder))
    }

    /// A folder for one run, which is removed when it is dropped.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn folder(&self) -> anyhow::Result<TempDir> {
        tempfile::tempdir_in(&self.0)
            .context("cannot make a folder for a run: free some room or set TMPDIR")
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Makes a folder that has room for a run.
fn with_room(inside: &Path) -> io::Result<TempDir> {
    let folder = Builder::new().prefix("lab-bench-").tempdir_in(inside)?;
    let tried = folder.path().join("room");
    std::fs::write(&tried, vec![0; ROOM])?;
    std::fs::remove_file(tried)?;
    Ok(folder)
}

/// Handles SIGINT and SIGTERM. The service of the scenario `shutdown` installs tokio's handlers for
/// them, and from then on the signals no longer end the process by default.
fn remove_when_interrupted(folder: PathBuf) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen to signals")?;
    let end = move || {
        if let Some(signal) = signals.forever().next() {
            let _ = std::fs::remove_dir_all(folder);
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    };
    thread::Builder::new()
        .name("lab-signals".into())
        .spawn(end)
        .context("cannot start the thread for signals")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_is_empty_and_a_missing_parent_is_an_error() {
        let inside = tempfile::tempdir().unwrap();
        let folder = with_room(inside.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        drop(folder);
        assert_eq!(std::fs::read_dir(inside.path()).unwrap().count(), 0);
        assert!(with_room(&inside.path().join("nowhere")).is_err());
    }
}
