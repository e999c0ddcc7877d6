//! Where tasks are spawned, as small numbers: a poll has no time to write a path.

use lab_recording::scheduler::format::MOST_PLACES;
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

/// Places that each thread remembers; which, their addresses decide.
const REMEMBERED: usize = 16;

type Spawned = &'static Location<'static>;

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

thread_local! {
    // A place that no program has, for no code is at address 0.
    static MINE: [Cell<(usize, u16)>; REMEMBERED] = const { [const { Cell::new((0, 0)) }; REMEMBERED] };
}

#[derive(Default)]
struct Known {
    numbers: HashMap<Spawned, u16>,
    places: Vec<Spawned>,
}

/// The number of a place.
#[inline]
pub(crate) fn index(place: Spawned) -> u16 {
    let address = std::ptr::from_ref(place).addr();
    MINE.with(|mine| {
        let slot = &mine[address / size_of::<Location<'_>>() % REMEMBERED];
        match slot.get() {
            (known, index) if known == address => index,
            _ => {
                let index = look_up(place);
                slot.set((address, index));
                index
            }
        }
    })
}

#[cold]
fn look_up(place: Spawned) -> u16 {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let Known { numbers, places } = known.get_or_insert_default();
    *numbers.entry(place).or_insert_with(|| {
        if places.len() < MOST_PLACES {
            places.push(place);
        }
        (places.len() - 1) as u16
    })
}

/// The places that came since there were so many.
pub(crate) fn since(count: usize) -> Vec<Spawned> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known
        .as_ref()
        .map_or_else(Vec::new, |known| known.places.get(count..).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_its_number_on_every_thread() {
        let (here, there) = (Location::caller(), other());
        let numbers = (index(here), index(there));
        assert_ne!(numbers.0, numbers.1);
        assert_eq!((index(here), index(there)), numbers);
        let elsewhere =
            std::thread::scope(|scope| scope.spawn(|| (index(here), index(there))).join().unwrap());
        assert_eq!(elsewhere, numbers);
        let known = since(0);
        assert_eq!(known[usize::from(numbers.1)].line(), there.line());
        assert!(since(MOST_PLACES + 1).is_empty());
    }

    #[track_caller]
    fn other() -> Spawned {
        Location::caller()
    }
}
