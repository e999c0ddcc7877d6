//! Stack bounds of threads without registration. The thread that makes a dump reads the memory map
//! of the process into a static table, before it sends signals; the signal handlers look their
//! stack up in the table.
//!
//! The table is protected by a sequence lock: its version is odd while the table changes, and a
//! handler that reads two different versions, or an odd one, walks no stack.

use crate::walk::{StackBounds, thread_pointer};
use lab_recording::maps;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Mutex, PoisonError};

/// Most memory mappings in the table: about four for each thread of a dump.
const MOST: usize = 4_096;

static BEGINS: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];
static ENDS: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Odd while the table changes.
static VERSION: AtomicUsize = AtomicUsize::new(0);

/// Reads the current memory map into the table. It includes the stacks of all existing threads.
///
/// # Errors
/// If the memory map cannot be read.
pub(crate) fn find_stacks() -> Result<(), String> {
    static ONE_WRITER: Mutex<()> = Mutex::new(());
    let text =
        std::fs::read_to_string("/proc/self/maps").map_err(|e| format!("/proc/self/maps: {e}"))?;
    let found = maps::anonymous(&text);
    let _one_writer = ONE_WRITER.lock().unwrap_or_else(PoisonError::into_inner);
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
    /// The stack of the calling thread, if it existed at the last [`find_stacks`]. For a signal
    /// handler.
    pub(crate) fn found() -> StackBounds {
        let here = 0u8;
        let own = (&raw const here).addr();
        let before = VERSION.load(Ordering::Acquire);
        let range = range_of(own);
        fence(Ordering::Acquire);
        let torn = before % 2 == 1 || VERSION.load(Ordering::Relaxed) != before;
        let Some((low, high)) = range.filter(|_| !torn) else { return StackBounds::NONE };
        // The kernel reports adjacent mappings as one. The memory above the stack may belong to
        // another mapping, which another thread may unmap at any moment.
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
    fn the_bounds_from_the_memory_map_agree_with_libc() {
        let on_a_thread = || {
            find_stacks().unwrap();
            let (found, libc) = (StackBounds::found(), StackBounds::of_this_thread().unwrap());
            assert!(found.low >= libc.low - 0x1000 && found.low < found.high, "{found:?} {libc:?}");
            assert!(
                found.high <= libc.high && found.high + 0x8000 > libc.high,
                "{found:?} {libc:?}"
            );
        };
        std::thread::Builder::new().spawn(on_a_thread).unwrap().join().unwrap();
    }
}
