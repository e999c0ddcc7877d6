//! Hand-offs: the code that gives work to the blocking pool. Stacks of the pool's threads do not
//! show it, because for `tokio::fs` they contain no user code. The poll of the hand-off takes
//! microseconds, so it is seldom sampled by time either. But a hand-off allocates a task on the
//! heap. So allocations inside polls are sampled, and a few stacks are kept for each task kind.

use crate::keeper::Keeper;
use crate::price::{Priced, at_depth, price};
use crate::scheduler::{places, polled};
use crate::threads::program::with_this_program;
use crate::walk::{self, StackBounds};
use lab_kit::alloc;
use lab_recording::threads::RAW_HAND_OFFS;
use std::cell::Cell;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Most task kinds.
const PLACES: usize = 32;
/// Stacks that are kept of each task kind.
const STACKS: usize = 64;
/// Frames of a stack. The code that hands work over is about ten frames above the allocation, more
/// in a debug build.
const FRAMES: usize = 48;
/// Mean bytes between samples. The task of a hand-off has some hundred bytes, so most are sampled.
const EVERY: NonZeroU64 = NonZeroU64::new(128).expect("is not zero");
/// Mean bytes between samples after [`MOST`] samples in a short time, which would slow the run
/// down.
const RARELY: NonZeroU64 = NonZeroU64::new(64 << 10).expect("is not zero");
/// Most samples between two writes of the file. At 50 ns each they take a millisecond.
const MOST: u32 = 20_000;

/// Events on the threads of the program: a sampled allocation, and one whose stack is kept.
const DRAWN: &str = "drawn allocation";
const KEPT: &str = "stack of an allocation";
/// Number of samples in a block of a cost measurement.
const SAMPLES: u32 = 250;

thread_local! {
    static BOUNDS: Cell<Option<StackBounds>> = const { Cell::new(None) };
}

/// Stacks of one task kind. Written inside the allocator, so without locks and allocations.
struct AtPlace {
    /// The number of the spawn location, from 1; 0 if the entry is free.
    place: AtomicUsize,
    /// Number of stacks that were taken.
    taken: AtomicU32,
    depths: [AtomicU32; STACKS],
    frames: [[AtomicU64; FRAMES]; STACKS],
}

impl AtPlace {
    const fn new() -> AtPlace {
        AtPlace {
            place: AtomicUsize::new(0),
            taken: AtomicU32::new(0),
            depths: [const { AtomicU32::new(0) }; STACKS],
            frames: [const { [const { AtomicU64::new(0) }; FRAMES] }; STACKS],
        }
    }
}

static TABLE: [AtPlace; PLACES] = [const { AtPlace::new() }; PLACES];
/// A table for cost measurements only.
static FOR_COSTS: [AtPlace; 1] = [const { AtPlace::new() }; 1];
/// Number of samples since the last write of the file.
static SAMPLED: AtomicU32 = AtomicU32::new(0);

/// The sampler's function. The allocator calls it before the sampled allocation.
fn sampled(_size: usize, _every: u64) {
    let Some(place) = polled::place() else { return };
    if SAMPLED.fetch_add(1, Ordering::Relaxed) == MOST {
        alloc::sample_every(RARELY);
    }
    take(&TABLE, usize::from(place) + 1);
}

/// Stores the calling thread's stack for a task kind, if there is room.
fn take(table: &[AtPlace], place: usize) {
    // The first entry that has this place, or that is free and can be claimed for it.
    let found = table.iter().find(|at| {
        let claimed = at.place.compare_exchange(0, place, Ordering::Relaxed, Ordering::Relaxed);
        claimed.is_ok() || claimed == Err(place)
    });
    let Some(at) = found else { return };
    if at.taken.load(Ordering::Relaxed) >= STACKS as u32 {
        return;
    }
    let slot = at.taken.fetch_add(1, Ordering::Relaxed) as usize;
    let Some((depth, frames)) = at.depths.get(slot).zip(at.frames.get(slot)) else { return };
    let mut found = [0; FRAMES];
    let count = walk::callers(bounds(), &mut found);
    frames.iter().zip(found).for_each(|(word, frame)| word.store(frame as u64, Ordering::Relaxed));
    depth.store(count as u32, Ordering::Release);
}

/// The costs of a sampled allocation, without and with its stack kept.
pub(crate) fn prices() -> Vec<Priced> {
    if let Err(why) = walk::frame_pointers_work() {
        return vec![(DRAWN, Err(why))];
    }
    let kept = price(
        STACKS as u32,
        || FOR_COSTS[0].taken.store(0, Ordering::Relaxed),
        |block| at_depth(block, &mut || (0..STACKS).for_each(|_| take(&FOR_COSTS, 1))),
    );
    // The table is full now, so `take` returns without a walk.
    let drawn = price(
        SAMPLES,
        || (),
        |_| {
            alloc::rehearse(SAMPLES);
            (0..SAMPLES).for_each(|_| take(&FOR_COSTS, 1));
        },
    );
    vec![(DRAWN, Ok(drawn)), (KEPT, Ok(kept))]
}

/// Number of these events so far. Sampled allocations outside of polls are included, though they
/// cost less.
pub(crate) fn counted() -> [(&'static str, u64); 2] {
    let kept =
        TABLE.iter().map(|at| u64::from(at.taken.load(Ordering::Relaxed).min(STACKS as u32))).sum();
    [(DRAWN, alloc::samples_taken()), (KEPT, kept)]
}

fn bounds() -> StackBounds {
    BOUNDS.get().unwrap_or_else(|| {
        let bounds = StackBounds::of_this_thread().unwrap_or(StackBounds::NONE);
        BOUNDS.set(Some(bounds));
        bounds
    })
}

/// The running sampler of hand-offs.
pub(crate) struct HandOffs(Keeper);

/// Starts sampling.
///
/// # Errors
/// The reason why sampling is not available.
pub(crate) fn start(folder: &Path) -> Result<HandOffs, String> {
    walk::frame_pointers_work()?;
    alloc::sample(EVERY, sampled)?;
    let path = folder.join(RAW_HAND_OFFS);
    let mut raw = with_this_program(lab_kit::clock::now_ns(), Vec::new());
    let keeper = Keeper::start("lab-hand-offs", move |last| {
        if last {
            alloc::stop_sampling();
        } else if SAMPLED.swap(0, Ordering::Relaxed) > MOST {
            alloc::sample_every(EVERY);
        }
        raw.data = collect();
        raw.write(&path)
    });
    keeper.map(HandOffs)
}

impl HandOffs {
    /// Stops sampling and writes the file for the last time.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.0.stop()
    }
}

/// All stacks so far, each with the spawn location of its task kind.
fn collect() -> Vec<(String, Vec<u64>)> {
    let places = places::since(0);
    let mut stacks = Vec::new();
    for at in &TABLE {
        let Some(index) = at.place.load(Ordering::Relaxed).checked_sub(1) else { continue };
        let place = places.get(index).map(|at| format!("{}:{}", at.file(), at.line()));
        let place = place.unwrap_or_default();
        for (depth, frames) in at.depths.iter().zip(&at.frames) {
            // Zero until the stack is complete.
            let depth = depth.load(Ordering::Acquire) as usize;
            if depth > 0 {
                let frames = frames[..depth].iter().map(|frame| frame.load(Ordering::Relaxed));
                stacks.push((place.clone(), frames.collect()));
            }
        }
    }
    stacks
}
