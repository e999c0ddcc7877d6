//! Small numbers for spawn locations, so that an event does not contain a path.

use lab_recording::scheduler::format::MOST_PLACES;
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

/// Slots of each thread's cache, which is indexed by the address of the location.
const CACHED: usize = 16;

type Spawned = &'static Location<'static>;

static NUMBERS: Mutex<Option<Numbers>> = Mutex::new(None);

thread_local! {
    /// Cache of addresses and numbers. No location has the address 0.
    static CACHE: [Cell<(usize, u16)>; CACHED] = const { [const { Cell::new((0, 0)) }; CACHED] };
}

#[derive(Default)]
struct Numbers {
    numbers: HashMap<Spawned, u16>,
    places: Vec<Spawned>,
}

/// The number of a spawn location.
#[inline]
pub(crate) fn index(place: Spawned) -> u16 {
    let address = std::ptr::from_ref(place).addr();
    CACHE.with(|cache| {
        let slot = &cache[address / size_of::<Location<'_>>() % CACHED];
        match slot.get() {
            (cached, index) if cached == address => index,
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
    let mut all = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
    let Numbers { numbers, places } = all.get_or_insert_default();
    *numbers.entry(place).or_insert_with(|| {
        if places.len() < MOST_PLACES {
            places.push(place);
        }
        (places.len() - 1) as u16
    })
}

/// The spawn locations from the number `first` on.
pub(crate) fn since(first: usize) -> Vec<Spawned> {
    let all = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Numbers { places, .. }) = &*all else { return Vec::new() };
    places.get(first..).unwrap_or_default().to_vec()
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
        let all = since(0);
        assert_eq!(all[usize::from(numbers.1)].line(), there.line());
        assert!(since(MOST_PLACES + 1).is_empty());
    }

    #[track_caller]
    fn other() -> Spawned {
        Location::caller()
    }
}
