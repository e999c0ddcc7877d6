//! Panics, with the stack on which they happened. The process may end right afterwards, so each is written at once.

use crate::threads::program::with_this_program;
use crate::threads::thread_dump;
use lab_kit::clock;
use lab_recording::post_mortem::Addresses;
use lab_recording::threads::{Panic, RAW_PANICS};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Panics that are kept: one tends to bring about others.
const MOST: usize = 8;

/// Writes a panic of the calling thread down, from inside of the panic hook.
pub fn note(folder: &Path, text: &str) {
    static SEEN: Mutex<Vec<Panic<Addresses>>> = Mutex::new(Vec::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() >= MOST {
        return;
    }
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    seen.push(Panic { thread, text: text.to_owned(), stack: thread_dump::own_stack() });
    // If there is no room for it, the text still is in the child's output.
    let _ = with_this_program(clock::now_ns(), seen.clone()).write(&folder.join(RAW_PANICS));
}
