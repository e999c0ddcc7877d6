//! What every profiler does: hooks before a runtime is built, a start, a stop, and what each of its
//! events costs.

use crate::hooks::Hooks;
use crate::price::Priced;
use lab_recording::profiler::ProfilerStatus;
use std::path::Path;

/// A profiler at work.
pub trait Instrument: Send {
    /// Adds the callbacks that it needs, before any runtime is built.
    fn hooks(&self, _hooks: &mut Hooks) {}

    /// Starts looking.
    ///
    /// # Errors
    /// Why it is not available here, and how to mend that.
    fn start(&mut self, folder: &Path) -> Result<(), String>;

    /// Names of the threads that it has while it looks.
    fn threads(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// What each thing takes that it does on the threads of the program. Called before it looks, on
    /// a thread of its own; `hooks` are all that it has added.
    fn prices(&mut self, _hooks: &Hooks, _folder: &Path) -> Vec<Priced> {
        Vec::new()
    }

    /// How often each of those things has happened so far, by the same names; for good once it has
    /// stopped.
    fn counted(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Stops, and leaves what it saw in the folder.
    ///
    /// # Errors
    /// If that could not be written.
    fn stop(&mut self, folder: &Path) -> anyhow::Result<ProfilerStatus>;
}
