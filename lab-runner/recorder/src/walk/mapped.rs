//! Where the stacks of threads lie that never told: looked up in the process' own map of its memory
//! by whoever is going to ask them, before their handlers need to know.

use crate::walk::{StackBounds, thread_pointer};
use lab_recording::maps;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Mutex, PoisonError};

/// Memory mappings that fit: three for each thread that can be signalled.
const MOST: usize = 4_096;

static BEGINS: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];
static ENDS: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Odd while the table changes.
static VERSION: AtomicUsize = AtomicUsize::new(0);

/// Looks where stacks are now. Those of threads that exist before are among what is found.
///
/// # Errors
/// If the process cannot read its memory map.
pub(crate) fn look_for_stacks() -> Result<(), String> {
    static ALONE: Mutex<()> = Mutex::new(());
    let text =
        std::fs::read_to_string("/proc/self/maps").map_err(|e| format!("/proc/self/maps: {e}"))?;
    let found = maps::anonymous(&text);
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    VERSION.fetch_add(1, Ordering::Relaxed);
    fence(Ordering::Release);
    for (at, range) in found.iter().take(MOST).enumerate() {
        BEGINS[at].store(range.start as usize, Ordering::Relaxed);
        ENDS[at].store(range.end as usize, Ordering::Relaxed);
    }
    COUNT.store(found.len().min(MOST), Ordering::Relaxed);
    VERSION.fetch_add(1, Ordering::Release);
    Ok(())
}

impl StackBounds {
    /// The stack that the calling thread is on, if it was there at the last reading. For a signal
    /// handler.
    pub(crate) fn found() -> StackBounds {
        let here = 0u8;
        let own = (&raw const here).addr();
        let before = VERSION.load(Ordering::Acquire);
        let range = range_of(own);
        fence(Ordering::Acquire);
        let torn = before % 2 == 1 || VERSION.load(Ordering::Relaxed) != before;
        let Some((low, high)) = range.filter(|_| !torn) else { return StackBounds::NONE };
        // The kernel tells noisy neighbours as one. What lies above the stack may be taken away by
        // another thread at any moment.
        let end = thread_pointer();
        let high = if (own..high).contains(&end) { end } else { high };
        StackBounds { low, high, own_thread: PhantomData }
    }
}

/// The memory mapping that an address is in.
fn range_of(address: usize) -> Option<(usize, usize)> {
    let begins = &BEGINS[..COUNT.load(Ordering::Relaxed).min(MOST)];
    let after = begins.partition_point(|begin| begin.load(Ordering::Relaxed) <= address);
    let at = after.checked_sub(1)?;
    let (low, high) = (BEGINS[at].load(Ordering::Relaxed), ENDS[at].load(Ordering::Relaxed));
    (low..high).contains(&address).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_of_a_thread_ends_where_libc_says() {
        let on_a_thread = || {
            look_for_stacks().unwrap();
            let (found, told) = (StackBounds::found(), StackBounds::of_this_thread().unwrap());
            assert!(found.low >= told.low - 0x1000 && found.low < found.high, "{found:?} {told:?}");
            assert!(
                found.high <= told.high && found.high + 0x8000 > told.high,
                "{found:?} {told:?}"
            );
        };
        std::thread::Builder::new().spawn(on_a_thread).unwrap().join().unwrap();
    }
}
