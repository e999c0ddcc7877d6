//! What may have crashed a process: futures that are too large for a stack.

use crate::stacks::large_futures::{LargeFuture, largest};
use lab_recording::outcome::Outcome;
use lab_recording::plain_file;
use std::path::Path;

/// Large futures, in the folder of a run whose stack overflowed.
const LARGE_FUTURES: &str = "large-futures.json";
/// Bytes from which a future is listed: a thirty-second of the stack that tokio gives a worker.
const LARGE: u64 = 64 << 10;

/// Whether the process ended because a thread's stack was full: the standard library prints that.
pub fn is_stack_overflow(outcome: &Outcome) -> bool {
    outcome.text.as_ref().is_some_and(|text| text.contains("has overflowed its stack"))
}

/// Leaves the largest futures of an executable in the folder of its run.
///
/// # Errors
/// If the file cannot be written.
pub fn complete(folder: &Path, executable: &Path) -> anyhow::Result<()> {
    let futures = largest(executable, LARGE);
    Ok(std::fs::write(folder.join(LARGE_FUTURES), serde_json::to_vec_pretty(&futures)?)?)
}

/// The largest futures of the executable of a run; none if they were not looked for.
pub fn large_futures(folder: &Path) -> Vec<LargeFuture> {
    let text = plain_file::read(&folder.join(LARGE_FUTURES), plain_file::DOCUMENT);
    text.ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}
