//! A global allocator that counts: how often memory was asked for, and how much.
//!
//! It passes everything on to the system's allocator. A binary that installs it lets the lab measure
//! allocations; in one that does not, they are "not measured".
//!
//! ```
//! #[global_allocator]
//! static COUNTING: lab_kit::alloc::Counting = lab_kit::alloc::Counting;
//!
//! let before = lab_kit::alloc::totals().expect("installed above");
//! let kept = vec![0u8; 1_000];
//! let since = lab_kit::alloc::totals().unwrap().since(before);
//! assert_eq!((since.allocs, since.bytes), (1, 1_000));
//! # drop(kept);
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Counts, and passes on to [`System`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// What was asked for so far. A reallocation counts once, with its new size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls that asked for memory.
    pub allocs: u64,
    /// Bytes that they asked for.
    pub bytes: u64,
}

impl Totals {
    /// What was asked for between two looks.
    pub fn since(self, earlier: Totals) -> Totals {
        Totals { allocs: self.allocs - earlier.allocs, bytes: self.bytes - earlier.bytes }
    }
}

/// What all threads have asked for, or nothing if [`Counting`] is not this binary's allocator.
pub fn totals() -> Option<Totals> {
    let add = |a: Totals, b: Totals| Totals { allocs: a.allocs + b.allocs, bytes: a.bytes + b.bytes };
    let sum = SHARDS.iter().map(Shard::totals).fold(Totals::default(), add);
    (sum.allocs > 0).then_some(sum)
}

/// Counters of one thread, on cache lines of their own. The last shard is shared by all threads that come when
/// the others are taken.
#[repr(align(128))]
struct Shard {
    allocs: AtomicU64,
    bytes: AtomicU64,
}

impl Shard {
    fn totals(&self) -> Totals {
        Totals { allocs: self.allocs.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

const OWN_SHARDS: u32 = 255;

static SHARDS: [Shard; OWN_SHARDS as usize + 1] =
    [const { Shard { allocs: AtomicU64::new(0), bytes: AtomicU64::new(0) } }; OWN_SHARDS as usize + 1];
static THREADS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// The thread's shard, `u32::MAX` before its first allocation.
    static MINE: Cell<u32> = const { Cell::new(u32::MAX) };
}

fn count(bytes: usize) {
    let mine = MINE.get();
    let mine = if mine == u32::MAX { take_shard() } else { mine };
    let shard = &SHARDS[mine as usize];
    if mine < OWN_SHARDS {
        // Nobody else writes here, so a plain load and store will do: no locked instruction on every allocation.
        shard.allocs.store(shard.allocs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        shard.bytes.store(shard.bytes.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
    } else {
        shard.allocs.fetch_add(1, Ordering::Relaxed);
        shard.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[cold]
fn take_shard() -> u32 {
    let mine = THREADS.fetch_add(1, Ordering::Relaxed).min(OWN_SHARDS);
    MINE.set(mine);
    mine
}

#[expect(unsafe_code, reason = "a global allocator is unsafe to write; this one passes everything on")]
// SAFETY: every call goes to the system's allocator unchanged. Counting allocates nothing: the shards are static,
// and the thread's number is a constant-initialised cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(at, layout, new_size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

/// What this thread has asked for, as long as it has a shard of its own: for tests beside other tests.
#[cfg(test)]
pub(crate) fn of_this_thread() -> Totals {
    SHARDS[MINE.get() as usize].totals()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static COUNTING: Counting = Counting;

    #[test]
    fn every_request_for_memory_counts_with_its_size() {
        let before = of_this_thread();
        let mut bytes: Vec<u8> = Vec::with_capacity(100);
        bytes.reserve_exact(1_000);
        let zeroed = vec![0u64; 10];
        assert_eq!(of_this_thread().since(before), Totals { allocs: 3, bytes: 100 + 1_000 + 80 });
        drop((bytes, zeroed));
        assert_eq!(of_this_thread().since(before).allocs, 3, "giving it back is no request");
        assert!(totals().unwrap().allocs >= before.allocs);
    }
}
