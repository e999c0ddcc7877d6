//! A global allocator that counts: how many allocations, how many bytes, and how many bytes were
//! held at a time.
//!
//! It passes everything on to the allocator that it is put over, the system's or another one. A
//! binary that installs it lets the lab measure allocations; in one that does not, they are "not
//! measured".
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

pub use lab_recording::request_log::Totals;

use sampling::Due;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts, and passes on to another allocator: to [`System`] by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting<A = System>(A);

impl<A> Counting<A> {
    /// Counts the calls of this allocator.
    pub const fn over(allocator: A) -> Counting<A> {
        Counting(allocator)
    }
}

/// Allocations of all threads, or none if [`Counting`] is not this binary's allocator.
pub fn totals() -> Option<Totals> {
    let add =
        |a: Totals, b: Totals| Totals { allocs: a.allocs + b.allocs, bytes: a.bytes + b.bytes };
    counts().then(|| SHARDS.iter().map(Shard::totals).fold(Totals::default(), add))
}

/// The most bytes that were held at a time so far, or nothing if [`Counting`] is not this binary's
/// allocator.
///
/// Each thread publishes its own sum in steps of 64 KiB, so that not every allocation writes to a
/// word that all threads share: the peak may be missed by as much for each thread that was at work.
pub fn peak_bytes() -> Option<u64> {
    counts().then(|| PEAK.load(Ordering::Relaxed).max(held()).max(0) as u64)
}

/// The bytes that are held now, or nothing if [`Counting`] is not this binary's allocator.
pub fn held_bytes() -> Option<u64> {
    counts().then(|| held().max(0) as u64)
}

fn held() -> i64 {
    let untold: i64 = SHARDS[..OWN_SHARDS].iter().map(Shard::untold).sum();
    LIVE.load(Ordering::Relaxed) + untold
}

/// Whether this allocator is the binary's and counts, tried once: an allocation of an odd size must
/// show. A counter without readings would be zero, which is also the value of a good program.
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
    MINE.get().map(Shard::totals).unwrap_or_default()
}

/// Counters of one thread, on cache lines of their own. The last shard is shared by all threads
/// that come when the others are taken.
#[repr(align(128))]
struct Shard {
    allocs: AtomicU64,
    /// Bytes that were allocated.
    bytes: AtomicU64,
    /// Bytes that were given back.
    freed: AtomicU64,
    /// How many of both were published to [`LIVE`].
    told: Told,
    /// At which of its bytes the next sample is due.
    due: Due,
}

/// Both grow, and each is published after a step: then the unpublished rest is never more than a
/// step in either direction, and an allocation reads no more than its own sum.
struct Told {
    bytes: AtomicU64,
    freed: AtomicU64,
}

impl Shard {
    const fn new() -> Shard {
        let [allocs, bytes, freed] = [const { AtomicU64::new(0) }; 3];
        let told = Told { bytes: AtomicU64::new(0), freed: AtomicU64::new(0) };
        Shard { allocs, bytes, freed, told, due: Due::new() }
    }

    fn totals(&self) -> Totals {
        Totals {
            allocs: self.allocs.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// Bytes that are held beyond those published to [`LIVE`]; fewer, if negative.
    fn untold(&self) -> i64 {
        let grown = |now: &AtomicU64, told: &AtomicU64| {
            now.load(Ordering::Relaxed).wrapping_sub(told.load(Ordering::Relaxed)).cast_signed()
        };
        grown(&self.bytes, &self.told.bytes) - grown(&self.freed, &self.told.freed)
    }

    /// Tells of what is untold. Called by the shard's own thread.
    #[cold]
    #[inline(never)]
    fn tell(&self) {
        tell(self.untold());
        self.told.bytes.store(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        self.told.freed.store(self.freed.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Adds to a sum that only this thread writes: a plain load and store will do, and no locked
    /// instruction on every allocation. Returns what it was.
    #[inline(always)]
    fn add(&self, sum: &AtomicU64, told: &AtomicU64, bytes: usize) -> u64 {
        let before = sum.load(Ordering::Relaxed);
        let after = before + bytes as u64;
        sum.store(after, Ordering::Relaxed);
        if after - told.load(Ordering::Relaxed) >= STEP {
            self.tell();
        }
        before
    }
}

const OWN_SHARDS: usize = 255;

static SHARDS: [Shard; OWN_SHARDS + 1] = [const { Shard::new() }; OWN_SHARDS + 1];
static THREADS: AtomicU32 = AtomicU32::new(0);

/// Bytes that are held, as far as the shards have published them.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// The most of them at a time.
static PEAK: AtomicI64 = AtomicI64::new(0);
/// What a shard keeps to itself.
const STEP: u64 = 64 * 1_024;

thread_local! {
    /// The thread's shard, none before its first allocation.
    static MINE: Cell<Option<&'static Shard>> = const { Cell::new(None) };
}

/// Counts an allocation.
#[inline(always)]
fn take(bytes: usize) {
    let shard = my_shard();
    let before = if is_own(shard) {
        shard.allocs.store(shard.allocs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        shard.add(&shard.bytes, &shard.told.bytes, bytes)
    } else {
        take_shared(shard, bytes)
    };
    shard.due.pass(before, bytes);
}

#[cold]
fn take_shared(shard: &Shard, bytes: usize) -> u64 {
    shard.allocs.fetch_add(1, Ordering::Relaxed);
    tell(bytes as i64);
    shard.bytes.fetch_add(bytes as u64, Ordering::Relaxed)
}

/// Counts memory that was given back.
#[inline(always)]
fn give(bytes: usize) {
    let shard = my_shard();
    if is_own(shard) {
        shard.add(&shard.freed, &shard.told.freed, bytes);
    } else {
        tell(-(bytes as i64));
    }
}

#[inline(always)]
fn my_shard() -> &'static Shard {
    MINE.get().unwrap_or_else(take_shard)
}

/// Whether no other thread writes to it.
#[inline(always)]
fn is_own(shard: &Shard) -> bool {
    !std::ptr::eq(shard, &SHARDS[OWN_SHARDS])
}

#[cold]
fn tell(more: i64) {
    let live = LIVE.fetch_add(more, Ordering::Relaxed) + more;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

#[cold]
fn take_shard() -> &'static Shard {
    let mine = THREADS.fetch_add(1, Ordering::Relaxed).min(OWN_SHARDS as u32);
    let shard = &SHARDS[mine as usize];
    shard.due.seed(mine);
    MINE.set(Some(shard));
    shard
}

#[expect(
    unsafe_code,
    reason = "a global allocator is unsafe to write; this one passes everything on"
)]
// SAFETY: every call goes to the allocator below unchanged. Counting allocates nothing: the shards
// are static, and the thread's number is a constant-initialised cell without a destructor.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        take(new_size);
        give(layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { self.0.realloc(at, layout, new_size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        give(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { self.0.dealloc(at, layout) }
    }
}

/// How long so many small allocations take, each given back before the next, by an allocator that
/// need not be the binary's.
#[expect(unsafe_code, reason = "an allocator is unsafe to call")]
pub fn timed(allocator: &impl GlobalAlloc, times: u64) -> Duration {
    const SMALL: Layout = Layout::new::<[u64; 8]>();
    let begin = Instant::now();
    for _ in 0..times {
        // SAFETY: the layout is not empty, and what was given is given back once, as it was.
        unsafe {
            let given = black_box(allocator.alloc(black_box(SMALL)));
            if !given.is_null() {
                allocator.dealloc(given, SMALL);
            }
        }
    }
    begin.elapsed()
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
        assert!(peak >= LARGE as u64 - STEP, "{peak}");
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
    #[expect(
        clippy::print_stdout,
        reason = "a number for whoever asks for it; nothing is asserted about it"
    )]
    #[expect(unsafe_code, reason = "allocators are called by hand")]
    fn what_counting_costs() {
        const PAIRS: u32 = 50_000_000;
        fn ns_of(allocator: &impl GlobalAlloc) -> f64 {
            let layout = Layout::from_size_align(64, 8).unwrap();
            let begin = std::time::Instant::now();
            for _ in 0..PAIRS {
                // SAFETY: the layout is not of size zero, and the address goes back where it came
                // from.
                unsafe { allocator.dealloc(black_box(allocator.alloc(black_box(layout))), layout) };
            }
            begin.elapsed().as_nanos() as f64 / f64::from(PAIRS)
        }
        let (nothing, counted) = (ns_of(&Nothing), ns_of(&Counting::over(Nothing)));
        println!(
            "allocate and free: {counted:.2} ns counted, {nothing:.2} ns uncounted; System {:.2} ns",
            ns_of(&System)
        );
    }
}
