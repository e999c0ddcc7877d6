//! The sampler of allocations: walks the stack of a sampled allocation on the allocating thread and
//! stores it in a mapped file. It allocates nothing once sampling has started.

use crate::price::{at_depth, price};
use crate::walk::{self, StackBounds};
use lab_kit::alloc;
use lab_recording::alloc::format::{
    CAPACITY, FRAMES, HEADER_WORDS, MAGIC, RECORD_WORDS, VERSION, at, every_with, head, words_of,
};
use lab_recording::alloc::{CHURN_EVERY, FILE};
use lab_recording::overhead::{BLOCKS, Price};
use lab_recording::request_log::Totals;
use lab_recording::stall::format::stamp;
use lab_recording::words::Words;
use std::cell::Cell;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The mapped file of the samples; a process can have one sampler in its life.
static SINK: OnceLock<Sink> = OnceLock::new();

thread_local! {
    /// Bounds of the thread's stack, after the first sample on this thread.
    static BOUNDS: Cell<Option<StackBounds>> = const { Cell::new(None) };
    /// Whether the thread belongs to a profiler, whose allocations are not churn.
    static OWN: Cell<bool> = const { Cell::new(false) };
}

/// A running sampler.
#[derive(Debug)]
pub struct Churn {
    before: Totals,
}

impl Churn {
    /// Starts sampling into `alloc.bin` in a folder.
    ///
    /// # Errors
    /// The reason why sampling is not available, with a remedy.
    pub fn start(folder: &Path) -> Result<Churn, String> {
        let before = alloc::totals().ok_or("no counting allocator in this binary")?;
        walk::frame_pointers_work()?;
        let path = folder.join(FILE);
        let sink = Sink::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        SINK.set(sink).map_err(|_| "another sampler was running")?;
        alloc::sample(not_zero(CHURN_EVERY), sampled)?;
        Ok(Churn { before })
    }

    /// Writes the totals of all allocations since the start into the header of the file.
    pub fn write_totals(&self) {
        if let Some((sink, totals)) = SINK.get().zip(alloc::totals()) {
            let since = totals.since(self.before);
            sink.head(at::ALLOCS, since.allocs);
            sink.head(at::BYTES, since.bytes);
        }
    }

    /// Stops sampling and writes the totals.
    pub fn stop(&self) {
        alloc::stop_sampling();
        self.write_totals();
    }
}

fn not_zero(every: u64) -> NonZeroU64 {
    NonZeroU64::new(every).unwrap_or(NonZeroU64::MIN)
}

/// Excludes the calling thread, which belongs to a profiler.
pub fn exclude_this_thread() {
    OWN.set(true);
}

/// The sampler's function. The allocator calls it before the sampled allocation.
fn sampled(size: usize, every: u64) {
    let Some(sink) = SINK.get().filter(|_| !OWN.get()) else { return };
    let mut frames = [0; FRAMES];
    let depth = walk::callers(bounds(), &mut frames);
    sink.write(size, every, &frames[..depth]);
}

/// Bounds of the thread's stack. libc may allocate to find them, but with its own allocator.
fn bounds() -> StackBounds {
    BOUNDS.get().unwrap_or_else(|| {
        let bounds = StackBounds::of_this_thread().unwrap_or(StackBounds::NONE);
        BOUNDS.set(Some(bounds));
        bounds
    })
}

struct Sink {
    words: Words,
    /// Index of the first word of the records.
    records: usize,
}

impl Sink {
    fn create(path: &Path) -> std::io::Result<Sink> {
        let maps = std::fs::read("/proc/self/maps")?;
        let executable = std::env::current_exe()?;
        let (length, changed) = stamp(&executable).unwrap_or_default();
        let name = executable.as_os_str().as_encoded_bytes();
        let maps_at = HEADER_WORDS + words_of(name.len());
        let records = maps_at + words_of(maps.len());
        let sink = Sink { words: Words::create(path, records + CAPACITY * RECORD_WORDS)?, records };
        sink.text(HEADER_WORDS, name);
        sink.text(maps_at, &maps);
        let words = [
            (at::MAGIC, MAGIC),
            (at::VERSION, VERSION),
            (at::EVERY, CHURN_EVERY),
            (at::CAPACITY, CAPACITY as u64),
            (at::STAMP_LENGTH, length),
            (at::STAMP_CHANGED, changed),
            (at::EXECUTABLE, name.len() as u64),
            (at::MAPS, maps.len() as u64),
        ];
        words.into_iter().for_each(|(at, word)| sink.head(at, word));
        Ok(sink)
    }

    fn head(&self, at: usize, word: u64) {
        self.words.as_slice()[at].store(word.to_le(), Ordering::Relaxed);
    }

    fn text(&self, from: usize, bytes: &[u8]) {
        for (word, bytes) in self.words.as_slice()[from..].iter().zip(bytes.chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
        }
    }

    fn write(&self, size: usize, every: u64, frames: &[usize]) {
        let words = self.words.as_slice();
        // A count in native byte order; both supported architectures are little-endian.
        let due = words[at::DUE].fetch_add(1, Ordering::Relaxed) as usize;
        if due >= CAPACITY {
            return;
        }
        // Each time half of the remaining room is used, samples become four times as rare. So the
        // file never fills up, whatever the run allocates: see `every_with`.
        let left = CAPACITY - due;
        if left < CAPACITY && left.is_power_of_two() {
            alloc::sample_every(not_zero(every_with(left)));
        }
        put(&words[self.records + due * RECORD_WORDS..][..RECORD_WORDS], size, every, frames);
    }
}

fn put(record: &[AtomicU64], size: usize, every: u64, frames: &[usize]) {
    let store = |at: &AtomicU64, value: usize| at.store((value as u64).to_le(), Ordering::Relaxed);
    record[2..].iter().zip(frames).for_each(|(at, frame)| store(at, *frame));
    store(&record[1], size);
    record[0].store(head(frames.len(), every).to_le(), Ordering::Release);
}

/// CPU time of a sample on the allocating thread, page faults of the mapped file included.
///
/// # Errors
/// The reason why sampling is not available.
pub fn price_of_a_sample(folder: &Path) -> Result<Price, String> {
    /// Samples of a block.
    const EVENTS: usize = 32;
    walk::frame_pointers_work()?;
    let path = folder.join("alloc-price.bin");
    let words = Words::create(&path, (BLOCKS + 1) * EVENTS * RECORD_WORDS);
    let words = words.map_err(|error| format!("{}: {error}", path.display()))?;
    // The file exists until it is unmapped.
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut records = words.as_slice().chunks_exact(RECORD_WORDS);
    let mut one = || {
        let mut frames = [0; FRAMES];
        let depth = walk::callers(bounds(), &mut frames);
        alloc::rehearse(1);
        records
            .next()
            .into_iter()
            .for_each(|record| put(record, EVENTS, CHURN_EVERY, &frames[..depth]));
    };
    let block = |block| at_depth(block, &mut || (0..EVENTS).for_each(|_| one()));
    Ok(price(EVENTS as u32, || (), block))
}
