//! A global allocator that counts: how often memory was asked for, how much, and how much was held at a time.
//!
//! It passes everything on to the allocator that it is put over, the system's or another one. A binary that installs it
//! lets the lab measure allocations; in one that does not, they are "not measured".
//!
//! ```
//! use lab_kit::alloc::Counting;
//!
//! #[global_allocator]
//! static COUNTING: Counting = Counting::over(std::alloc::System);
//!
//! let before = lab_kit::alloc::totals().expect("installed above");
//! let kept = vec![0u8; 1_000];
//! let since = lab_kit::alloc::totals().unwrap().since(before);
//! assert_eq!((since.allocs, since.bytes), (1, 1_000));
//! # drop(kept);
//! ```

mod sampling;

pub use sampling::{rehearse, sample, sample_every, samples_taken, stop_sampling};

use sampling::Due;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// Counts, and passes on to another allocator: to [`System`], unless it is told which.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting<A = System>(A);

impl<A> Counting<A> {
    /// Counts what is asked of this allocator.
    pub const fn over(allocator: A) -> Counting<A> {
        Counting(allocator)
    }
}

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
    counts().then(|| SHARDS.iter().map(Shard::totals).fold(Totals::default(), add))
}

/// The most bytes that were held at a time so far, or nothing if [`Counting`] is not this binary's allocator.
///
/// Each thread tells of its own in steps of 64 KiB, so that not every allocation writes to a word that all threads
/// share: the peak may be missed by as much for each thread that was at work.
pub fn peak_bytes() -> Option<u64> {
    counts().then(|| PEAK.load(Ordering::Relaxed).max(held()).max(0) as u64)
}

/// The bytes that are held now, or nothing if [`Counting`] is not this binary's allocator.
pub fn held_bytes() -> Option<u64> {
    counts().then(|| held().max(0) as u64)
}

fn held() -> i64 {
    let untold: i64 = SHARDS.iter().map(|shard| shard.untold.load(Ordering::Relaxed)).sum();
    LIVE.load(Ordering::Relaxed) + untold
}

/// Whether this allocator is the binary's and counts, tried once: an allocation of an odd size must show. A counter
/// that nobody feeds would say zero, which is what a good program would say too.
fn counts() -> bool {
    static COUNTS: OnceLock<bool> = OnceLock::new();
    const ODD: usize = 4_093;
    *COUNTS.get_or_init(|| {
        let before = of_this_thread();
        drop(black_box(Vec::<u8>::with_capacity(black_box(ODD))));
        let seen = of_this_thread().since(before);
        seen.allocs >= 1 && seen.bytes >= ODD as u64
    })
}

/// What this thread's shard has counted; nothing before its first allocation.
pub(crate) fn of_this_thread() -> Totals {
    SHARDS.get(MINE.get() as usize).map(Shard::totals).unwrap_or_default()
}

/// Counters of one thread, on cache lines of their own. The last shard is shared by all threads that come when
/// the others are taken.
#[repr(align(128))]
struct Shard {
    allocs: AtomicU64,
    bytes: AtomicU64,
    /// Bytes that were taken, less those that were given back, since [`LIVE`] was told last.
    untold: AtomicI64,
    /// At which of its bytes the next sample is due.
    due: Due,
}

impl Shard {
    const fn new() -> Shard {
        let (allocs, bytes, untold) = (AtomicU64::new(0), AtomicU64::new(0), AtomicI64::new(0));
        Shard { allocs, bytes, untold, due: Due::new() }
    }

    fn totals(&self) -> Totals {
        Totals { allocs: self.allocs.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

const OWN_SHARDS: u32 = 255;

static SHARDS: [Shard; OWN_SHARDS as usize + 1] = [const { Shard::new() }; OWN_SHARDS as usize + 1];
static THREADS: AtomicU32 = AtomicU32::new(0);

/// Bytes that are held, as far as the shards have told.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// The most of them at a time.
static PEAK: AtomicI64 = AtomicI64::new(0);
/// What a shard keeps to itself.
const STEP: i64 = 64 * 1_024;

thread_local! {
    /// The thread's shard, `u32::MAX` before its first allocation.
    static MINE: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// Counts memory that was asked for, of which `more` was not held before.
fn count(bytes: usize, more: i64) {
    let (shard, is_own) = my_shard();
    let before = if is_own {
        // Nobody else writes here, so a plain load and store will do: no locked instruction on every allocation.
        shard.allocs.store(shard.allocs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let before = shard.bytes.load(Ordering::Relaxed);
        shard.bytes.store(before + bytes as u64, Ordering::Relaxed);
        before
    } else {
        shard.allocs.fetch_add(1, Ordering::Relaxed);
        shard.bytes.fetch_add(bytes as u64, Ordering::Relaxed)
    };
    hold(shard, is_own, more);
    shard.due.pass(before, bytes);
}

/// The thread's shard, and whether nobody else writes to it.
fn my_shard() -> (&'static Shard, bool) {
    let mine = MINE.get();
    let mine = if mine == u32::MAX { take_shard() } else { mine };
    (&SHARDS[mine as usize], mine < OWN_SHARDS)
}

/// Holds so many bytes more, or less.
fn hold(shard: &Shard, is_own: bool, more: i64) {
    if !is_own {
        tell(more);
        return;
    }
    let untold = shard.untold.load(Ordering::Relaxed) + more;
    if untold.abs() < STEP {
        shard.untold.store(untold, Ordering::Relaxed);
    } else {
        shard.untold.store(0, Ordering::Relaxed);
        tell(untold);
    }
}

#[cold]
fn tell(more: i64) {
    let live = LIVE.fetch_add(more, Ordering::Relaxed) + more;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

#[cold]
fn take_shard() -> u32 {
    let mine = THREADS.fetch_add(1, Ordering::Relaxed).min(OWN_SHARDS);
    SHARDS[mine as usize].due.seed(mine);
    MINE.set(mine);
    mine
}

#[expect(unsafe_code, reason = "a global allocator is unsafe to write; this one passes everything on")]
// SAFETY: every call goes to the allocator below unchanged. Counting allocates nothing: the shards are static, and
// the thread's number is a constant-initialised cell without a destructor.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, new_size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { self.0.realloc(at, layout, new_size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let (shard, is_own) = my_shard();
        hold(shard, is_own, -(layout.size() as i64));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { self.0.dealloc(at, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static COUNTING: Counting = Counting::over(System);

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

    #[test]
    fn the_peak_knows_what_was_held_and_is_no_more() {
        const LARGE: usize = 64 << 20;
        let large = vec![1u8; LARGE];
        drop(black_box(large));
        let peak = peak_bytes().unwrap();
        // Other tests hold little, and each thread may keep a step to itself.
        assert!(peak >= (LARGE as i64 - STEP) as u64, "{peak}");
        assert!(LIVE.load(Ordering::Relaxed) < LARGE as i64, "it was given back");
    }

    #[test]
    fn what_one_thread_takes_and_another_gives_back_is_not_held() {
        let before = held();
        for _ in 0..100 {
            let taken = vec![1u8; 1 << 20];
            std::thread::Builder::new().spawn(move || drop(taken)).unwrap().join().unwrap();
        }
        assert!(held() - before < 50 << 20, "a hundred mebibytes came and went");
    }

    /// Gives the same address for everything.
    struct Nothing;

    #[expect(unsafe_code, reason = "an allocator that costs nothing, to see what counting costs")]
    // SAFETY: nobody reads or writes what it gives.
    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            std::ptr::without_provenance_mut(layout.align())
        }

        unsafe fn dealloc(&self, _at: *mut u8, _layout: Layout) {}
    }

    #[test]
    #[ignore = "measures: cargo test --release --package lab-kit what_counting_costs -- --ignored --nocapture"]
    #[expect(clippy::print_stdout, reason = "a number for whoever asks for it; nothing is asserted about it")]
    #[expect(unsafe_code, reason = "allocators are called by hand")]
    fn what_counting_costs() {
        const PAIRS: u32 = 50_000_000;
        fn ns_of(allocator: &impl GlobalAlloc) -> f64 {
            let layout = Layout::from_size_align(64, 8).unwrap();
            let begin = std::time::Instant::now();
            for _ in 0..PAIRS {
                // SAFETY: the layout is not of size zero, and the address goes back where it came from.
                unsafe { allocator.dealloc(black_box(allocator.alloc(black_box(layout))), layout) };
            }
            begin.elapsed().as_nanos() as f64 / f64::from(PAIRS)
        }
        let (nothing, counted) = (ns_of(&Nothing), ns_of(&Counting::over(Nothing)));
        println!(
            "taking and giving back: {counted:.2} ns counted, {nothing:.2} ns not; System {:.2} ns",
            ns_of(&System)
        );
    }
}
