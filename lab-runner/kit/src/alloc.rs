//! A global allocator that counts allocations, their bytes, and the bytes that are allocated at a
//! time.
//!
//! It forwards every call to another allocator, the system's by default. In a binary that does not
//! install it, metrics of allocations are "not measured".
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

/// An allocator that counts calls and forwards them to another allocator, by default to [`System`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting<A = System>(A);

impl<A> Counting<A> {
    /// Counts the calls to `allocator`.
    pub const fn over(allocator: A) -> Counting<A> {
        Counting(allocator)
    }
}

/// Allocations of all threads since the process started; none if [`Counting`] is not this binary's
/// allocator.
pub fn totals() -> Option<Totals> {
    // First, because the test of the allocator allocates.
    if !is_installed() {
        return None;
    }
    let mut sum = Totals::default();
    for shard in &SHARDS {
        let Totals { allocs, bytes } = shard.totals();
        sum = Totals { allocs: sum.allocs + allocs, bytes: sum.bytes + bytes };
    }
    Some(sum)
}

/// Peak of allocated bytes so far; none if [`Counting`] is not this binary's allocator.
///
/// Each thread publishes its sum in steps of 64 KiB, so that an allocation seldom writes to a word
/// that all threads share. The peak may be missed by that much for each running thread.
pub fn peak_bytes() -> Option<u64> {
    is_installed().then(|| PEAK.load(Ordering::Relaxed).max(held()).max(0) as u64)
}

/// Bytes that are allocated now; none if [`Counting`] is not this binary's allocator.
pub fn held_bytes() -> Option<u64> {
    is_installed().then(|| held().max(0) as u64)
}

fn held() -> i64 {
    let unpublished: i64 = SHARDS[..OWN_SHARDS].iter().map(Shard::unpublished).sum();
    LIVE.load(Ordering::Relaxed) + unpublished
}

/// Whether [`Counting`] is the binary's allocator. Tested once, by an allocation of an unusual size
/// that must be counted: without the test an allocator that is not installed would report zero
/// allocations, which is also the value of a very good program.
fn is_installed() -> bool {
    static IS_INSTALLED: OnceLock<bool> = OnceLock::new();
    const UNUSUAL: usize = 4_093;
    *IS_INSTALLED.get_or_init(|| {
        let before = thread_totals();
        drop(black_box(Vec::<u8>::with_capacity(black_box(UNUSUAL))));
        let counted = thread_totals().since(before);
        counted.allocs >= 1 && counted.bytes >= UNUSUAL as u64
    })
}

/// Counts of the calling thread's shard; zero before its first allocation.
pub(crate) fn thread_totals() -> Totals {
    MINE.get().map(Shard::totals).unwrap_or_default()
}

/// Counters of one thread, on cache lines of their own. The last shard is shared by the threads for
/// which no other shard is left.
#[repr(align(128))]
struct Shard {
    allocs: AtomicU64,
    /// Bytes that were allocated.
    bytes: AtomicU64,
    /// Bytes that were freed.
    freed: AtomicU64,
    /// The part of both that is published to [`LIVE`].
    published: Published,
    /// The byte of this shard at which the next sample is due.
    due: Due,
}

/// Published bytes. Allocated and freed bytes both only grow, and both are published after each
/// [`STEP`]. So the unpublished rest is at most a step in either direction, and a call compares
/// only its own sum. Example: a thread that allocates and frees 1 KiB a million times has a net of
/// zero at all times; it publishes each sum every 64 calls.
struct Published {
    bytes: AtomicU64,
    freed: AtomicU64,
}

impl Shard {
    const fn new() -> Shard {
        let [allocs, bytes, freed] = [const { AtomicU64::new(0) }; 3];
        let published = Published { bytes: AtomicU64::new(0), freed: AtomicU64::new(0) };
        Shard { allocs, bytes, freed, published, due: Due::new() }
    }

    fn totals(&self) -> Totals {
        Totals {
            allocs: self.allocs.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// Net bytes that are not yet published to [`LIVE`]: allocated minus freed.
    fn unpublished(&self) -> i64 {
        let rest = |sum: &AtomicU64, published: &AtomicU64| {
            let published = published.load(Ordering::Relaxed);
            sum.load(Ordering::Relaxed).wrapping_sub(published).cast_signed()
        };
        rest(&self.bytes, &self.published.bytes) - rest(&self.freed, &self.published.freed)
    }

    /// Publishes both sums. Called by the shard's own thread.
    #[cold]
    #[inline(never)]
    fn publish(&self) {
        publish(self.unpublished());
        self.published.bytes.store(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        self.published.freed.store(self.freed.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Adds to a sum and returns its value before. Only the shard's own thread writes to the sum,
    /// so a plain load and store are enough, and an allocation needs no locked instruction.
    #[inline(always)]
    fn add(&self, sum: &AtomicU64, published: &AtomicU64, bytes: usize) -> u64 {
        let before = sum.load(Ordering::Relaxed);
        let after = before + bytes as u64;
        sum.store(after, Ordering::Relaxed);
        if after - published.load(Ordering::Relaxed) >= STEP {
            self.publish();
        }
        before
    }
}

const OWN_SHARDS: usize = 255;

static SHARDS: [Shard; OWN_SHARDS + 1] = [const { Shard::new() }; OWN_SHARDS + 1];
static THREADS: AtomicU32 = AtomicU32::new(0);

/// Allocated bytes, as far as the shards have published them.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// Peak of [`LIVE`].
static PEAK: AtomicI64 = AtomicI64::new(0);
/// Bytes after which a shard publishes its sums.
const STEP: u64 = 64 * 1_024;

thread_local! {
    /// The thread's shard; none before its first allocation.
    static MINE: Cell<Option<&'static Shard>> = const { Cell::new(None) };
}

/// Counts an allocation.
#[inline(always)]
fn count_allocation(bytes: usize) {
    let shard = my_shard();
    let before = if is_own(shard) {
        shard.allocs.store(shard.allocs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        shard.add(&shard.bytes, &shard.published.bytes, bytes)
    } else {
        count_shared_allocation(shard, bytes)
    };
    shard.due.count(before, bytes);
}

#[cold]
fn count_shared_allocation(shard: &Shard, bytes: usize) -> u64 {
    shard.allocs.fetch_add(1, Ordering::Relaxed);
    publish(bytes as i64);
    shard.bytes.fetch_add(bytes as u64, Ordering::Relaxed)
}

/// Counts freed memory.
#[inline(always)]
fn count_free(bytes: usize) {
    let shard = my_shard();
    if is_own(shard) {
        shard.add(&shard.freed, &shard.published.freed, bytes);
    } else {
        publish(-(bytes as i64));
    }
}

#[inline(always)]
fn my_shard() -> &'static Shard {
    MINE.get().unwrap_or_else(claim_shard)
}

/// Whether only the calling thread writes to its shard.
#[inline(always)]
fn is_own(shard: &Shard) -> bool {
    !std::ptr::eq(shard, &SHARDS[OWN_SHARDS])
}

#[cold]
fn publish(net_bytes: i64) {
    let live = LIVE.fetch_add(net_bytes, Ordering::Relaxed) + net_bytes;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

#[cold]
fn claim_shard() -> &'static Shard {
    let mine = THREADS.fetch_add(1, Ordering::Relaxed).min(OWN_SHARDS as u32);
    let shard = &SHARDS[mine as usize];
    shard.due.seed(mine);
    MINE.set(Some(shard));
    shard
}

/// Counts memory that was given; what was refused is nobody's.
#[inline(always)]
fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null() {
        refused();
    } else {
        count_allocation(bytes);
    }
    memory
}

/// The last words of a process that gets no memory; none if it goes on as it can.
static LAST_WORDS: OnceLock<Vec<u8>> = OnceLock::new();

/// From now on this process exits with code 1 after this line on stderr if it gets no memory.
/// Otherwise the default handler aborts it with a line that names neither a limit nor a next step.
pub fn exit_without_memory(line: String) {
    // Only the first call counts.
    let _ = LAST_WORDS.set(line.into_bytes());
}

#[cold]
fn refused() {
    if let Some(line) = LAST_WORDS.get() {
        // Neither allocates nor takes a lock that a thread without memory may hold.
        let _ = rustix::io::write(rustix::stdio::stderr(), line);
        exit_now();
    }
}

#[expect(unsafe_code, reason = "the standard library runs exit handlers, which may allocate")]
fn exit_now() -> ! {
    // SAFETY: `_exit` ends the process whatever state it is in.
    unsafe { libc::_exit(1) }
}

#[expect(
    unsafe_code,
    reason = "a global allocator is unsafe to write; this one forwards every call"
)]
// SAFETY: every call goes unchanged to the wrapped allocator. Counting allocates nothing: the
// shards are static, and the thread-local is a constant-initialised cell without a destructor.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let memory = unsafe { self.0.alloc(layout) };
        given(memory, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        let memory = unsafe { self.0.alloc_zeroed(layout) };
        given(memory, layout.size())
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        let memory = given(unsafe { self.0.realloc(at, layout, new_size) }, new_size);
        // Where there was no room for more, the caller keeps what it had.
        if !memory.is_null() {
            count_free(layout.size());
        }
        memory
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count_free(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { self.0.dealloc(at, layout) }
    }
}

/// Duration of `times` small allocations, each freed before the next, by any allocator.
#[expect(unsafe_code, reason = "an allocator is unsafe to call")]
pub fn timed(allocator: &impl GlobalAlloc, times: u64) -> Duration {
    const SMALL: Layout = Layout::new::<[u64; 8]>();
    let begin = Instant::now();
    for _ in 0..times {
        // SAFETY: the layout is not empty, and the memory is freed once, with the same layout.
        unsafe {
            let memory = black_box(allocator.alloc(black_box(SMALL)));
            if !memory.is_null() {
                allocator.dealloc(memory, SMALL);
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
        let before = thread_totals();
        let mut bytes: Vec<u8> = Vec::with_capacity(100);
        bytes.reserve_exact(1_000);
        let zeroed = vec![0u64; 10];
        assert_eq!(thread_totals().since(before), Totals { allocs: 3, bytes: 100 + 1_000 + 80 });
        drop((bytes, zeroed));
        assert_eq!(thread_totals().since(before).allocs, 3, "a free is not counted");
        assert!(totals().unwrap().allocs >= before.allocs);
    }

    #[test]
    #[expect(unsafe_code, reason = "an allocator is unsafe to call")]
    fn memory_that_was_refused_is_not_counted() {
        let most = Layout::from_size_align(isize::MAX as usize - 4_096, 1).unwrap();
        let little = Layout::new::<[u8; 64]>();
        let before = thread_totals();
        // SAFETY: the layouts are not empty; what was given is freed once, with its layout.
        unsafe {
            assert!(COUNTING.alloc(most).is_null() && COUNTING.alloc_zeroed(most).is_null());
            let kept = COUNTING.alloc(little);
            assert!(COUNTING.realloc(kept, little, most.size()).is_null());
            COUNTING.dealloc(kept, little);
        }
        assert_eq!(thread_totals().since(before), Totals { allocs: 1, bytes: 64 });
    }

    #[test]
    fn the_peak_includes_memory_that_was_freed_since() {
        const LARGE: usize = 64 << 20;
        let large = vec![1u8; LARGE];
        drop(black_box(large));
        let peak = peak_bytes().unwrap();
        // Other tests allocate little, and each thread may have an unpublished step.
        assert!(peak >= LARGE as u64 - STEP, "{peak}");
        assert!(LIVE.load(Ordering::Relaxed) < LARGE as i64, "the memory was freed");
    }

    #[test]
    fn memory_that_another_thread_frees_is_not_held() {
        let before = held();
        for _ in 0..100 {
            let memory = vec![1u8; 1 << 20];
            std::thread::Builder::new().spawn(move || drop(memory)).unwrap().join().unwrap();
        }
        assert!(held() - before < 90 << 20, "100 MiB were freed; another test holds 64 MiB");
    }

    /// An allocator that returns the same address for everything.
    struct Nothing;

    #[expect(unsafe_code, reason = "an allocator without cost, to measure the cost of counting")]
    // SAFETY: the test neither reads nor writes the memory.
    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            std::ptr::without_provenance_mut(layout.align())
        }

        unsafe fn dealloc(&self, _at: *mut u8, _layout: Layout) {}
    }

    #[test]
    #[ignore = "measures: cargo test --release --package lab-kit what_counting_costs -- --ignored --nocapture"]
    #[expect(clippy::print_stdout, reason = "the test prints a number and asserts nothing")]
    #[expect(unsafe_code, reason = "allocators are called by hand")]
    fn what_counting_costs() {
        const PAIRS: u32 = 50_000_000;
        fn ns_of(allocator: &impl GlobalAlloc) -> f64 {
            let layout = Layout::from_size_align(64, 8).unwrap();
            let begin = std::time::Instant::now();
            for _ in 0..PAIRS {
                // SAFETY: the layout is not of size zero, and the same allocator frees the address.
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
