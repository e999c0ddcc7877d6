//! Panics, with the stack on which they happened. The process may end right afterwards, so each is
//! written at once.

use crate::threads::program::with_this_program;
use crate::threads::thread_dump;
use lab_kit::clock;
use lab_recording::post_mortem::Addresses;
use lab_recording::threads::{COUNTED_EACH, Panic, RAW_PANICS};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Panics that are kept, of different texts or places: one tends to bring about others.
const MOST: usize = 8;

/// Writes a panic of the calling thread down, from inside of the panic hook.
pub fn note(folder: &Path, text: &str) {
    static SEEN: Mutex<Vec<Panic<Addresses>>> = Mutex::new(Vec::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !add(&mut seen, text, thread_dump::own_stack()) {
        return;
    }
    // If there is no room for it, the text still is in the child's output.
    let _ = with_this_program(clock::now_ns(), seen.clone()).write(&folder.join(RAW_PANICS));
}

/// Adds a panic, or counts it to those of the same text on the same stack. Whether that is to be
/// written down.
fn add(seen: &mut Vec<Panic<Addresses>>, text: &str, stack: Addresses) -> bool {
    if let Some(known) = seen.iter_mut().find(|known| known.text == text && known.stack == stack) {
        known.times += 1;
        return known.times <= COUNTED_EACH || known.times.is_power_of_two();
    }
    if seen.len() >= MOST {
        return false;
    }
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    seen.push(Panic { thread, text: text.to_owned(), stack, times: 1 });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_of_the_same_place_are_counted_and_others_are_kept_apart() {
        let mut seen = Vec::new();
        let written = (0..200).filter(|_| add(&mut seen, "no order", vec![1, 2])).count();
        assert_eq!((seen.len(), seen[0].times, written), (1, 200, 65), "64 of them, and the 128th");
        assert!(add(&mut seen, "no order", vec![1, 3]) && add(&mut seen, "no item", vec![1, 2]));
        assert_eq!(seen.iter().map(|panic| panic.times).collect::<Vec<_>>(), [200, 1, 1]);
        let kept = (0..20).filter(|place| add(&mut seen, "other", vec![*place])).count();
        assert_eq!((kept, seen.len()), (MOST - 3, MOST));
    }
}
