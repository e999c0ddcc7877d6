//! Panics, with the stack on which they happened. The process may end right afterwards, so each is written at once.

use crate::threads::program::of_this_program;
use crate::threads::thread_dump;
use lab_recording::threads::{RAW_PANICS, RawPanic};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Panics that are kept: one tends to bring about others.
const MOST: usize = 8;

/// Writes a panic of the calling thread down, from inside of the panic hook.
pub fn note(folder: &Path, text: &str) {
    static SEEN: Mutex<Vec<RawPanic>> = Mutex::new(Vec::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() >= MOST {
        return;
    }
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    seen.push(RawPanic { thread, text: text.to_owned(), stack: thread_dump::own_stack() });
    // If there is no room for it, the text still is in the child's output.
    let _ = of_this_program(seen.clone()).write(&folder.join(RAW_PANICS));
}
