//! Which code hands work to the blocking pool. The pool's threads do not show it: for `tokio::fs`
//! they run no user code, and the poll that handed it over took microseconds, too few to be sampled
//! by time. But it asked for memory, for the task that it hands over is made on the heap; so a few
//! stacks are taken where polls allocate.

use crate::hooks::{Hooks, Task};
use crate::keeper::Keeper;
use crate::price::{Priced, at_depth, price};
use crate::scheduler::places;
use crate::threads::program::with_this_program;
use crate::walk::{self, StackBounds};
use lab_kit::alloc;
use lab_recording::threads::RAW_HAND_OFFS;
use std::cell::Cell;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Places of spawns that are distinguished.
const PLACES: usize = 32;
/// Stacks that are kept of the tasks of each.
const STACKS: usize = 64;
/// Frames of each: from the allocation up to the code that asked the runtime for a thread is some
/// ten, more in a debug build.
const FRAMES: usize = 48;
/// Mean bytes from a sample to the next: the task that is handed over has some hundred.
const EVERY: NonZeroU64 = NonZeroU64::new(128).expect("is not zero");
/// The same once many were looked at in a short time, which would slow the run down.
const RARELY: NonZeroU64 = NonZeroU64::new(64 << 10).expect("is not zero");
/// How many are looked at between two times that what was seen is written down: of 50 ns each they
/// are a millisecond.
const MOST: u32 = 20_000;

/// An allocation that is looked at, and one whose stack is kept.
const LOOK: &str = "drawn allocation";
const KEPT: &str = "stack of an allocation";
/// Of a block whose cost is measured.
const LOOKS: u32 = 250;

thread_local! {
    // The number of the place whose task is polled, from 1; 0 outside of polls.
    static POLLED: Cell<usize> = const { Cell::new(0) };
    static BOUNDS: Cell<Option<StackBounds>> = const { Cell::new(None) };
}

/// Stacks of the tasks of one place. The allocator writes them, which may neither lock nor ask for
/// memory.
struct AtPlace {
    /// The number of the place, from 1; 0 for a free one.
    place: AtomicUsize,
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
/// Used by no run, to measure costs with.
static NOBODYS: [AtPlace; 1] = [const { AtPlace::new() }; 1];
static LOOKED: AtomicU32 = AtomicU32::new(0);

/// Adds the callbacks that show whose poll it is.
pub(crate) fn add_hooks(hooks: &mut Hooks) {
    hooks.before_poll.push(|task: &Task| POLLED.set(usize::from(places::index(task.place)) + 1));
    hooks.after_poll.push(|| POLLED.set(0));
}

/// Called by the allocator.
fn sampled(_size: usize, _every: u64) {
    let place = POLLED.get();
    if place == 0 {
        return;
    }
    if LOOKED.fetch_add(1, Ordering::Relaxed) == MOST {
        alloc::sample_every(RARELY);
    }
    take(&TABLE, place);
}

/// Takes a stack of a task of this place, if there is room for one more.
fn take(table: &[AtPlace], place: usize) {
    let is_it = |at: &&AtPlace| {
        let found = at.place.compare_exchange(0, place, Ordering::Relaxed, Ordering::Relaxed);
        found.is_ok() || found == Err(place)
    };
    let Some(at) = table.iter().find(is_it) else { return };
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

/// What an allocation takes that is looked at, and one of the few of which a stack is kept.
pub(crate) fn prices() -> Vec<Priced> {
    if let Err(why) = walk::frame_pointers_work() {
        return vec![(LOOK, Err(why))];
    }
    let kept = price(
        STACKS as u32,
        || NOBODYS[0].taken.store(0, Ordering::Relaxed),
        |block| at_depth(block, &mut || (0..STACKS).for_each(|_| take(&NOBODYS, 1))),
    );
    let looked_at = price(
        LOOKS,
        || (),
        |_| {
            alloc::rehearse(LOOKS);
            (0..LOOKS).for_each(|_| take(&NOBODYS, 1));
        },
    );
    vec![(LOOK, Ok(looked_at)), (KEPT, Ok(kept))]
}

/// How often that happened so far. Allocations outside of polls are counted like those in polls,
/// and cost less.
pub(crate) fn counted() -> [(&'static str, u64); 2] {
    let kept =
        TABLE.iter().map(|at| u64::from(at.taken.load(Ordering::Relaxed).min(STACKS as u32))).sum();
    [(LOOK, alloc::samples_taken()), (KEPT, kept)]
}

fn bounds() -> StackBounds {
    BOUNDS.get().unwrap_or_else(|| {
        let bounds = StackBounds::of_this_thread().unwrap_or(StackBounds::NONE);
        BOUNDS.set(Some(bounds));
        bounds
    })
}

/// Looks while it lives.
pub(crate) struct Looking(Keeper);

/// Starts to look.
///
/// # Errors
/// Why that is not possible here.
pub(crate) fn start(folder: &Path) -> Result<Looking, String> {
    walk::frame_pointers_work()?;
    alloc::sample(EVERY, sampled)?;
    let path = folder.join(RAW_HAND_OFFS);
    let mut raw = with_this_program(lab_kit::clock::now_ns(), Vec::new());
    let keeper = Keeper::start("lab-hand-offs", move |last| {
        if last {
            alloc::stop_sampling();
        } else if LOOKED.swap(0, Ordering::Relaxed) > MOST {
            alloc::sample_every(EVERY);
        }
        raw.data = collect();
        raw.write(&path)
    });
    keeper.map(Looking)
}

impl Looking {
    /// Ends it.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.0.stop()
    }
}

fn collect() -> Vec<(String, Vec<u64>)> {
    let places = places::since(0);
    let name = |number: usize| {
        places.get(number - 1).map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default()
    };
    let stacks = |at: &AtPlace| -> Vec<Vec<u64>> {
        let taken = at
            .depths
            .iter()
            .zip(&at.frames)
            .map(|(depth, frames)| (depth.load(Ordering::Acquire) as usize, frames));
        let words = |(depth, frames): (usize, &[AtomicU64; FRAMES])| {
            frames[..depth].iter().map(|frame| frame.load(Ordering::Relaxed)).collect()
        };
        taken.filter(|(depth, _)| *depth > 0).map(words).collect()
    };
    let met = TABLE
        .iter()
        .map(|at| (at.place.load(Ordering::Relaxed), at))
        .filter(|(number, _)| *number != 0);
    met.flat_map(|(number, at)| stacks(at).into_iter().map(move |stack| (number, stack)))
        .map(|(number, stack)| (name(number), stack))
        .collect()
}
