//! Where runs record: in memory if there is such a place, so that no disk is timed; gone when the bench is, however it ends.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::{Builder, TempDir};

/// A folder in memory, on Linux. Runs need a megabyte in it at most.
const IN_MEMORY: &str = "/dev/shm";

/// The folder of all runs of a bench.
#[derive(Debug)]
pub struct Place(TempDir);

impl Place {
    /// Makes it, and sees to it that a bench which is interrupted removes it.
    ///
    /// # Errors
    /// If there is no room for it, or no handler can be had for signals.
    pub fn make() -> anyhow::Result<Place> {
        let named = || {
            let mut builder = Builder::new();
            builder.prefix("lab-bench-");
            builder
        };
        let folder = named().tempdir_in(IN_MEMORY).or_else(|_| named().tempdir());
        let folder = folder.context("no temporary folder can be made: free some room or set TMPDIR")?;
        remove_when_interrupted(folder.path().to_owned())?;
        Ok(Place(folder))
    }

    /// A folder for one run, removed when it is dropped.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self) -> anyhow::Result<TempDir> {
        tempfile::tempdir_in(&self.0).context("no folder can be made for a run: free some room or set TMPDIR")
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A service of the lab listens to these signals as services do, and from then on nobody is ended by them unasked.
fn remove_when_interrupted(folder: PathBuf) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen to signals")?;
    let end = move || {
        if let Some(signal) = signals.forever().next() {
            let _ = std::fs::remove_dir_all(folder);
            std::process::exit(128 + signal);
        }
    };
    thread::Builder::new().name("lab-signals".into()).spawn(end).context("cannot start the thread for signals")?;
    Ok(())
}
