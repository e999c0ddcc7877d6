//! The interface of all profilers: hooks, start, moments of the load, stop, and the cost of their
//! events.

use crate::hooks::Hooks;
use crate::price::Priced;
use lab_recording::profiler::ProfilerStatus;
use std::path::Path;

/// A profiler inside the process under test.
pub trait Instrument: Send {
    /// Adds the profiler's callbacks, before any runtime is built.
    fn hooks(&self, _hooks: &mut Hooks) {}

    /// Starts profiling into a folder.
    ///
    /// # Errors
    /// The reason why the profiler is not available, with a remedy.
    fn start(&mut self, folder: &Path) -> Result<(), String>;

    /// Called when the first sixth of the load is over. A batch has no such moment, and a load that
    /// was stopped early may have it after its end.
    fn first_part_ends(&mut self, _folder: &Path) {}

    /// Called when the request log is closed. All that the program keeps is still there. A batch
    /// has no such moment.
    fn load_ends(&mut self, _folder: &Path) {}

    /// Names of the profiler's own threads, at most 15 bytes each: the kernel cuts longer ones.
    fn threads(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The cost of each kind of event on the threads of the program. Called before `start`, on a
    /// thread of its own; `hooks` has all callbacks of the profiler.
    fn prices(&mut self, _hooks: &Hooks, _folder: &Path) -> Vec<Priced> {
        Vec::new()
    }

    /// Number of events of each kind so far, by the same names; final after `stop`.
    fn counted(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Stops profiling and completes the files in the folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn stop(&mut self, folder: &Path) -> anyhow::Result<ProfilerStatus>;
}
