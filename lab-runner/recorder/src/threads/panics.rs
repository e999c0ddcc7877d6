//! Panics, with their stacks. The process may end right after a panic, so each is written at once.

use crate::threads::program::with_this_program;
use crate::threads::thread_dump;
use lab_kit::clock;
use lab_recording::post_mortem::Addresses;
use lab_recording::threads::{COUNTED_EACH, Panic, RAW_PANICS};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Most different panics that are kept; one panic often causes others.
const MOST: usize = 8;

/// Records a panic of the calling thread. Called inside the panic hook.
pub fn note(folder: &Path, text: &str) {
    static PANICS: Mutex<Vec<Panic<Addresses>>> = Mutex::new(Vec::new());
    let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    if !add(&mut panics, text, thread_dump::own_stack()) {
        return;
    }
    // The error is ignored: the text of the panic is in the child's output too.
    let _ = with_this_program(clock::now_ns(), panics.clone()).write(&folder.join(RAW_PANICS));
}

/// Adds a panic, or increments the count of an equal one with the same text and stack. Returns
/// whether the file has to be written.
fn add(panics: &mut Vec<Panic<Addresses>>, text: &str, stack: Addresses) -> bool {
    let equal = panics.iter_mut().find(|panic| panic.text == text && panic.stack == stack);
    if let Some(equal) = equal {
        equal.times += 1;
        return equal.times <= COUNTED_EACH || equal.times.is_power_of_two();
    }
    if panics.len() >= MOST {
        return false;
    }
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    panics.push(Panic { thread, text: text.to_owned(), stack, times: 1 });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_panics_are_counted_and_others_are_kept_separately() {
        let mut all = Vec::new();
        let written = (0..200).filter(|_| add(&mut all, "no order", vec![1, 2])).count();
        assert_eq!((all.len(), all[0].times, written), (1, 200, 65), "the first 64 and the 128th");
        assert!(add(&mut all, "no order", vec![1, 3]) && add(&mut all, "no item", vec![1, 2]));
        assert_eq!(all.iter().map(|panic| panic.times).collect::<Vec<_>>(), [200, 1, 1]);
        let kept = (0..20).filter(|place| add(&mut all, "other", vec![*place])).count();
        assert_eq!((kept, all.len()), (MOST - 3, MOST));
    }
}
