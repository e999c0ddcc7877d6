//! Samples of allocations: one in so many bytes, whatever their sizes.
//!
//! Each thread counts towards a byte that was drawn before, and the allocation with that byte in it
//! is the sample. Gaps are exponential, so an allocation of `size` bytes is drawn with the
//! probability `1 - exp(-size / every)`, and each sample stands for `size` divided by that: their
//! sum, sample by sample, is unbiased.
//!
//! No allocation checks whether a sampler runs: without one the drawn byte is one that no count
//! ever reaches.

use crate::alloc::{SHARDS, totals};
use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A gap must be drawn first, or a sampler has ended: the next allocation finds out.
const OPEN: u64 = 0;
/// A byte that no count reaches.
const NEVER: u64 = u64::MAX;

/// Mean bytes from a sample to the next; 0 while no sampler runs.
static EVERY: AtomicU64 = AtomicU64::new(0);
/// Who is called.
static SAMPLED: OnceLock<fn(usize, u64)> = OnceLock::new();

/// Calls a function with the size of each allocation that is drawn, and with the mean bytes between
/// samples, on the thread that allocates and before it has got its memory. The function must not
/// allocate.
///
/// # Errors
/// If [`Counting`](crate::alloc::Counting) is not this binary's allocator, or if there was a
/// sampler before: a process has one.
pub fn sample(every: NonZeroU64, sampled: fn(usize, u64)) -> Result<(), &'static str> {
    if totals().is_none() {
        return Err("lab_kit::alloc::Counting is not this binary's allocator");
    }
    SAMPLED.set(sampled).map_err(|_| "this process already has an allocation sampler")?;
    EVERY.store(every.get(), Ordering::SeqCst);
    open();
    Ok(())
}

/// From now on samples are so many bytes apart; nothing happens if no sampler runs. The sampler
/// itself may call this.
///
/// A gap that began before is given up and drawn anew, which changes nothing: exponential gaps have
/// no memory.
pub fn sample_every(every: NonZeroU64) {
    let change = |now| (now != 0).then_some(every.get());
    if EVERY.fetch_update(Ordering::SeqCst, Ordering::SeqCst, change).is_ok() {
        open();
    }
}

fn open() {
    SHARDS.iter().for_each(|shard| shard.due.at.store(OPEN, Ordering::SeqCst));
}

/// Ends the sampling. A sample that is being taken on another thread is still delivered.
pub fn stop_sampling() {
    EVERY.store(0, Ordering::SeqCst);
}

/// Samples that were taken so far, by all threads and all samplers.
pub fn samples_taken() -> u64 {
    SHARDS.iter().map(|shard| shard.due.taken.load(Ordering::Relaxed)).sum()
}

/// Does the work of that many samples without their sampler, to measure the cost of one. Counts
/// nothing.
pub fn rehearse(times: u32) {
    let due = Due::new();
    for _ in 0..times {
        let at = due.at.load(Ordering::Relaxed);
        if due.moved(at, at + due.gap(1_024)) {
            due.taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// When a thread's next sample is due.
pub(super) struct Due {
    /// The byte in the thread's count, or [`OPEN`], or [`NEVER`].
    at: AtomicU64,
    /// What the gaps are drawn from.
    random: AtomicU64,
    /// Samples that were taken.
    taken: AtomicU64,
}

impl Due {
    pub const fn new() -> Due {
        Due { at: AtomicU64::new(OPEN), random: AtomicU64::new(0), taken: AtomicU64::new(0) }
    }

    /// Threads that start in the same order draw the same gaps.
    pub fn seed(&self, thread: u32) {
        self.random.store(mixed(u64::from(thread) + 1), Ordering::Relaxed);
    }

    /// Handles an allocation of a thread that had allocated so many bytes before.
    #[inline(always)]
    pub fn pass(&self, before: u64, size: usize) {
        if before + size as u64 >= self.at.load(Ordering::Relaxed) {
            self.reached(before, size);
        }
    }

    #[cold]
    #[inline(never)]
    fn reached(&self, before: u64, size: usize) {
        let every = EVERY.load(Ordering::SeqCst);
        if every == 0 {
            return self.rest();
        }
        let mut at = self.at.load(Ordering::Relaxed);
        if at == OPEN {
            at = before + self.gap(every);
            if !self.moved(OPEN, at) {
                return;
            }
        }
        // Where threads share a count, only the one whose allocation has the byte in it takes the
        // sample.
        let after = before + size as u64;
        if (before + 1..=after).contains(&at) && self.moved(at, after + self.gap(every)) {
            self.taken.fetch_add(1, Ordering::Relaxed);
            SAMPLED.get().into_iter().for_each(|sampled| sampled(size, every));
        }
    }

    /// No sampler runs. One that starts at this very moment opens all threads after it has
    /// announced itself: one of the two sees the other.
    fn rest(&self) {
        self.at.store(NEVER, Ordering::SeqCst);
        if EVERY.load(Ordering::SeqCst) != 0 {
            self.at.store(OPEN, Ordering::SeqCst);
        }
    }

    fn moved(&self, from: u64, to: u64) -> bool {
        self.at.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Bytes to the next sample, at least one.
    fn gap(&self, every: u64) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let drawn = mixed(self.random.fetch_add(STEP, Ordering::Relaxed));
        // In 0 < share <= 1, so that its logarithm is finite.
        let share = ((drawn >> 11) + 1) as f64 / (1u64 << 53) as f64;
        (-share.ln() * every as f64).ceil().max(1.0) as u64
    }
}

/// The finish of `SplitMix64`: noisy neighbours become strangers.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::hint::black_box;

    const EVERY_BYTES: u64 = 4_096;

    thread_local! {
        static MINE: Cell<bool> = const { Cell::new(false) };
        static ESTIMATE: Cell<f64> = const { Cell::new(0.0) };
        static SAMPLES: Cell<u32> = const { Cell::new(0) };
    }

    /// Other tests allocate on other threads, which are of no interest.
    fn weigh(size: usize, every: u64) {
        if MINE.get() {
            let drawn = -(-(size as f64) / every as f64).exp_m1();
            ESTIMATE.set(ESTIMATE.get() + size as f64 / drawn);
            SAMPLES.set(SAMPLES.get() + 1);
        }
    }

    /// One large allocation, and then small ones of the same bytes, so often.
    fn allocate(rounds: usize) -> f64 {
        let mut asked = 0;
        for _ in 0..rounds {
            for size in [32_768].into_iter().chain([64; 512]) {
                drop(black_box(Vec::<u8>::with_capacity(black_box(size))));
                asked += size;
            }
        }
        asked as f64
    }

    #[test]
    fn samples_that_are_weighed_one_by_one_add_up_to_what_was_asked_for() {
        allocate(1);
        assert_eq!(SAMPLES.get(), 0, "nobody samples");
        MINE.set(true);
        sample(EVERY_BYTES.try_into().unwrap(), weigh).unwrap();
        assert!(
            sample(EVERY_BYTES.try_into().unwrap(), weigh).unwrap_err().contains("already has")
        );
        let asked = allocate(500);
        let ratio = ESTIMATE.get() / asked;
        assert!((0.93..1.07).contains(&ratio), "the estimate is {ratio} of the truth");
        let taken = SAMPLES.get();
        assert!(taken > 2_000, "{taken}");
        assert!(samples_taken() >= u64::from(taken));
        rehearse(10);
        assert_eq!(SAMPLES.get(), taken, "a rehearsal takes no sample");
        ESTIMATE.set(0.0);
        sample_every((4 * EVERY_BYTES).try_into().unwrap());
        let asked = allocate(1_500);
        let ratio = ESTIMATE.get() / asked;
        assert!(
            (0.93..1.07).contains(&ratio),
            "the estimate is {ratio} of the truth when samples are rarer"
        );
        let taken = SAMPLES.get();
        stop_sampling();
        allocate(500);
        assert_eq!(SAMPLES.get(), taken, "nobody samples any more");
    }

    #[test]
    fn gaps_have_the_mean_that_was_asked_for_and_the_spread_of_exponential_ones() {
        let due = Due::new();
        due.seed(7);
        let gaps: Vec<f64> = (0..20_000).map(|_| due.gap(1_000) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((970.0..1_030.0).contains(&mean), "{mean}");
        let long = gaps.iter().filter(|gap| **gap > 1_000.0).count() as f64 / gaps.len() as f64;
        assert!((0.35..0.39).contains(&long), "{long} of them, where 1/e was expected");
    }
}
