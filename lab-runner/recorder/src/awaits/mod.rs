//! The recorder of waits: where followed futures await, what ends each wait, and how long they then
//! wait for their poll.
//!
//! A followed future is polled with a waker of this module. What it awaits clones that waker inside
//! its own poll, so the stack of the clone is the place of the wait. What ends the wait calls the
//! clone, so the stack of that call is its cause. No feature of tokio is needed.

mod log;
mod polls;
mod stacks;
mod waker;

pub(crate) use polls::{close, counted, prepare, price};

use crate::keeper::Keeper;
use crate::threads::program::with_this_program;
use crate::walk;
use lab_recording::awaits::{FILE, Numbered, RAW_STACKS};
use std::path::Path;

/// The name of the thread that writes the stacks.
pub(crate) const THREAD: &str = "lab-awaits";

/// A running recorder of waits.
pub(crate) struct Awaits(Keeper);

/// Starts recording into a folder.
///
/// # Errors
/// The reason why waits cannot be recorded.
pub(crate) fn start(folder: &Path) -> Result<Awaits, String> {
    walk::frame_pointers_work()?;
    let path = folder.join(FILE);
    log::start(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let path = folder.join(RAW_STACKS);
    let mut raw = with_this_program(lab_kit::clock::now_ns(), stored());
    let mut written = None;
    let keeper = Keeper::start(THREAD, move |_last| {
        raw.data = stored();
        let Numbered { names, stacks, sets, .. } = &raw.data;
        let count = (names.len(), stacks.len(), sets.len());
        if written.replace(count) == Some(count) {
            return Ok(());
        }
        raw.write(&path)
    });
    keeper.map(Awaits)
}

/// All that records have numbers for.
fn stored() -> Numbered {
    Numbered {
        names: stacks::names(),
        stacks: stacks::all(),
        sets: stacks::sets(),
        crowds: waker::crowds(),
    }
}

impl Awaits {
    /// Writes the stacks for the last time.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn stop(self) -> anyhow::Result<()> {
        log::stop();
        self.0.stop()
    }
}
