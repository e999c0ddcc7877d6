//! Where runs record: in memory if there is such a place, so that no disk is timed; gone when the
//! bench is, however it ends.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::{Builder, TempDir};

/// A folder in memory, on Linux.
const IN_MEMORY: &str = "/dev/shm";
/// More than a run ever needs, in bytes.
const ROOM: usize = 4 << 20;

/// The folder of all runs of a bench.
#[derive(Debug)]
pub struct Place(TempDir);

impl Place {
    /// Makes it, and sees to it that a bench which is interrupted removes it.
    ///
    /// # Errors
    /// If there is no room for it, or no handler can be had for signals.
    pub fn make() -> anyhow::Result<Place> {
        let folder = with_room(Path::new(IN_MEMORY)).or_else(|_| with_room(&std::env::temp_dir()));
        let folder =
            folder.context("no temporary folder can be made: free some room or set TMPDIR")?;
        remove_when_interrupted(folder.path().to_owned())?;
        Ok(Place(folder))
    }

    /// A folder for one run, removed when it is dropped.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self) -> anyhow::Result<TempDir> {
        tempfile::tempdir_in(&self.0)
            .context("no folder can be made for a run: free some room or set TMPDIR")
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A new folder that can hold what runs need.
fn with_room(inside: &Path) -> io::Result<TempDir> {
    let folder = Builder::new().prefix("lab-bench-").tempdir_in(inside)?;
    let tried = folder.path().join("room");
    std::fs::write(&tried, vec![0; ROOM])?;
    std::fs::remove_file(tried)?;
    Ok(folder)
}

/// A service of the lab listens to these signals as services do, and from then on nobody is ended
/// by them unasked.
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
    fn a_place_is_empty_and_one_that_cannot_be_is_refused() {
        let inside = tempfile::tempdir().unwrap();
        let folder = with_room(inside.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        drop(folder);
        assert_eq!(std::fs::read_dir(inside.path()).unwrap().count(), 0);
        assert!(with_room(&inside.path().join("nowhere")).is_err());
    }
}
