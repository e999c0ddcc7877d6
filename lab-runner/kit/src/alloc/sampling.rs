//! Sampling of allocations: one sample in a mean number of bytes, whatever the sizes.
//!
//! Each thread counts its allocated bytes towards a byte that was drawn at random, and the
//! allocation that contains this byte is the sample. Gaps between drawn bytes are exponential, so
//! an allocation of `size` bytes is sampled with the probability `1 - exp(-size / every)`. A sample
//! stands for `size` divided by that probability, which makes the sum over samples unbiased.
//!
//! *Example.* With a mean gap of 16 KiB, an allocation of 1 KiB is sampled with a probability of
//! 6.1 %, and stands for 16.5 KiB. One of 1 MiB is always sampled, and stands for itself.
//!
//! An allocation does not check whether a sampler runs: without one the drawn byte is [`NEVER`].

use crate::alloc::{SHARDS, totals};
use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// No byte is drawn yet: the next allocation draws one, or finds that no sampler runs.
const OPEN: u64 = 0;
/// A byte that no count reaches.
const NEVER: u64 = u64::MAX;

/// Mean bytes between two samples; 0 while no sampler runs.
static EVERY: AtomicU64 = AtomicU64::new(0);
/// The sampler's function.
static SAMPLED: OnceLock<fn(usize, u64)> = OnceLock::new();

/// Starts sampling. For each sample, `sampled` is called with the size of the allocation and the
/// mean bytes between samples, on the allocating thread and right after the allocation. It must
/// not allocate.
///
/// # Errors
/// If [`Counting`](crate::alloc::Counting) is not this binary's allocator, or if this process has
/// already had a sampler.
pub fn sample(every: NonZeroU64, sampled: fn(usize, u64)) -> Result<(), &'static str> {
    if totals().is_none() {
        return Err("lab_kit::alloc::Counting is not this binary's allocator");
    }
    SAMPLED.set(sampled).map_err(|_| "this process already has an allocation sampler")?;
    EVERY.store(every.get(), Ordering::SeqCst);
    open();
    Ok(())
}

/// Changes the mean bytes between samples; without effect if no sampler runs. The sampler's
/// function may call this.
///
/// Gaps in progress are drawn again. That does not bias samples, because exponential gaps have no
/// memory.
pub fn sample_every(every: NonZeroU64) {
    let change = |now| (now != 0).then_some(every.get());
    if EVERY.fetch_update(Ordering::SeqCst, Ordering::SeqCst, change).is_ok() {
        open();
    }
}

fn open() {
    SHARDS.iter().for_each(|shard| shard.due.at.store(OPEN, Ordering::SeqCst));
}

/// Stops sampling. A sample in progress on another thread is still delivered.
pub fn stop_sampling() {
    EVERY.store(0, Ordering::SeqCst);
}

/// Number of samples so far, of all threads.
pub fn samples_taken() -> u64 {
    SHARDS.iter().map(|shard| shard.due.taken.load(Ordering::Relaxed)).sum()
}

/// Does the work of `times` samples without calling the sampler, to measure its cost. These samples
/// are not counted.
pub fn rehearse(times: u32) {
    let due = Due::new();
    for _ in 0..times {
        let at = due.at.load(Ordering::Relaxed);
        if due.moved(at, at + due.gap(1_024)) {
            due.taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The next sample of a thread.
pub(super) struct Due {
    /// The drawn byte in the thread's count, or [`OPEN`], or [`NEVER`].
    at: AtomicU64,
    /// State of the random number generator.
    random: AtomicU64,
    /// Number of samples.
    taken: AtomicU64,
}

impl Due {
    pub const fn new() -> Due {
        Due { at: AtomicU64::new(OPEN), random: AtomicU64::new(0), taken: AtomicU64::new(0) }
    }

    /// Seeds the generator: threads that start in the same order draw the same gaps.
    pub fn seed(&self, thread: u32) {
        self.random.store(mixed(u64::from(thread) + 1), Ordering::Relaxed);
    }

    /// Counts an allocation of a thread that had allocated `before` bytes before.
    #[inline(always)]
    pub fn count(&self, before: u64, size: usize) {
        if before + size as u64 >= self.at.load(Ordering::Relaxed) {
            self.reached(before, size);
        }
    }

    #[cold]
    #[inline(never)]
    fn reached(&self, before: u64, size: usize) {
        let every = EVERY.load(Ordering::SeqCst);
        if every == 0 {
            return self.disarm();
        }
        let mut at = self.at.load(Ordering::Relaxed);
        if at == OPEN {
            at = before + self.gap(every);
            if !self.moved(OPEN, at) {
                return;
            }
        }
        // Several threads may share this count. Only the thread whose allocation contains the drawn
        // byte takes the sample.
        let after = before + size as u64;
        if (before + 1..=after).contains(&at) && self.moved(at, after + self.gap(every)) {
            self.taken.fetch_add(1, Ordering::Relaxed);
            SAMPLED.get().into_iter().for_each(|sampled| sampled(size, every));
        }
    }

    /// Stops the checks of this thread, because no sampler runs. A sampler may start at the same
    /// time: it first sets [`EVERY`] and then opens all threads, and this function first stores
    /// [`NEVER`] and then reads [`EVERY`] again. So at least one of the two sees the other's store.
    fn disarm(&self) {
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
        // 0 < share <= 1, so that the logarithm is finite.
        let share = ((drawn >> 11) + 1) as f64 / (1u64 << 53) as f64;
        (-share.ln() * every as f64).ceil().max(1.0) as u64
    }
}

/// The output function of `SplitMix64`, which makes numbers of neighbouring states independent.
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

    /// Counts samples of this thread only: other tests allocate on other threads.
    fn weigh(size: usize, every: u64) {
        if MINE.get() {
            let drawn = -(-(size as f64) / every as f64).exp_m1();
            ESTIMATE.set(ESTIMATE.get() + size as f64 / drawn);
            SAMPLES.set(SAMPLES.get() + 1);
        }
    }

    /// In each round one large allocation, and small ones of as many bytes. Returns the bytes.
    fn allocate(rounds: usize) -> f64 {
        let mut bytes = 0;
        for _ in 0..rounds {
            for size in [32_768].into_iter().chain([64; 512]) {
                drop(black_box(Vec::<u8>::with_capacity(black_box(size))));
                bytes += size;
            }
        }
        bytes as f64
    }

    #[test]
    fn weighted_samples_add_up_to_the_allocated_bytes() {
        allocate(1);
        assert_eq!(SAMPLES.get(), 0, "no sampler runs");
        MINE.set(true);
        sample(EVERY_BYTES.try_into().unwrap(), weigh).unwrap();
        assert!(
            sample(EVERY_BYTES.try_into().unwrap(), weigh).unwrap_err().contains("already has")
        );
        let allocated = allocate(500);
        let ratio = ESTIMATE.get() / allocated;
        assert!((0.93..1.07).contains(&ratio), "the estimate is {ratio} of the truth");
        let taken = SAMPLES.get();
        assert!(taken > 2_000, "{taken}");
        assert!(samples_taken() >= u64::from(taken));
        rehearse(10);
        assert_eq!(SAMPLES.get(), taken, "a rehearsal takes no sample");
        ESTIMATE.set(0.0);
        sample_every((4 * EVERY_BYTES).try_into().unwrap());
        let allocated = allocate(1_500);
        let ratio = ESTIMATE.get() / allocated;
        assert!(
            (0.93..1.07).contains(&ratio),
            "the estimate is {ratio} of the truth when samples are rarer"
        );
        let taken = SAMPLES.get();
        stop_sampling();
        allocate(500);
        assert_eq!(SAMPLES.get(), taken, "the sampler has stopped");
    }

    #[test]
    fn gaps_have_the_requested_mean_and_the_spread_of_exponential_gaps() {
        let due = Due::new();
        due.seed(7);
        let gaps: Vec<f64> = (0..20_000).map(|_| due.gap(1_000) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((970.0..1_030.0).contains(&mean), "{mean}");
        let long = gaps.iter().filter(|gap| **gap > 1_000.0).count() as f64 / gaps.len() as f64;
        assert!((0.35..0.39).contains(&long), "{long} of them, where 1/e was expected");
    }
}
