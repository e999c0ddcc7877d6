//! The sampler's hooks in a runtime: before and after each poll, and at the end of a thread.
//!
//! A thread gets its slot at its first poll and not at its start: the threads of the blocking pool,
//! of which there may be hundreds, never poll and would occupy slots.

use crate::hooks::Handle;
use crate::price::{at_depth, price};
use crate::signal::{self, User};
use crate::stall::here::slot;
use crate::walk::{self, Text};
use lab_recording::overhead::Price;
use std::cell::Cell;
use tokio::runtime::RuntimeFlavor;

thread_local! {
    /// Whether this thread runs a runtime of one thread; none as long as it has not parked. On the
    /// workers of other runtimes nothing of the user's runs outside of tasks.
    static IS_ALONE: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Calibrates the clock, so that no poll has to do it.
pub fn prepare() {
    slot::prepare();
}

/// Hook: the calling thread starts a poll of a task. Costs a reading of the time-stamp counter and
/// some stores.
pub fn enter_poll(task: u64) {
    if let Some(slot) = slot::mine_or_claim() {
        slot.enter(task);
    }
}

/// Hook: the calling thread ends the poll that it started last.
pub fn leave_poll() {
    let Some(slot) = slot::mine() else { return };
    slot.leave();
    if IS_ALONE.get() == Some(true) {
        slot.enter_outside();
    }
}

/// Hook: the calling thread goes on after it slept.
pub fn awakes() {
    if is_alone()
        && let Some(slot) = slot::mine_or_claim()
    {
        slot.enter_outside();
    }
}

/// Hook: the calling thread goes to sleep.
pub fn sleeps() {
    if is_alone()
        && let Some(slot) = slot::mine()
    {
        slot.leave_outside();
    }
}

fn is_alone() -> bool {
    let is_alone = IS_ALONE.get().unwrap_or_else(|| {
        let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
        flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::CurrentThread)
    });
    IS_ALONE.set(Some(is_alone));
    is_alone
}

/// Hook: the calling thread ends and releases its slot.
pub fn thread_stops() {
    slot::release();
}

/// Number of polls so far, without polls inside of other polls.
pub fn polls() -> u64 {
    slot::all().iter().map(slot::Slot::polls).sum()
}

/// The cost of a sample for the sampled thread, sending included: this thread signals itself.
///
/// # Errors
/// If threads cannot be signalled here.
pub fn price_of_a_sample() -> Result<Price, String> {
    /// Samples of a block: as many as fit into a ring.
    const EVENTS: u32 = 16;
    walk::frame_pointers_work()?;
    signal::install(Text::of_executable()?, User::Sampler, slot::sample)?;
    let slot = slot::mine_or_claim().ok_or("all sampler slots are taken: use fewer threads")?;
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    slot.enter(u64::MAX);
    let mut failed = None;
    let mut request = || {
        slot.request(1);
        failed = failed.take().or(signal::send(tid).err());
    };
    let price = price(
        EVENTS,
        || slot.empty(),
        |block| at_depth(block, &mut || (0..EVENTS).for_each(|_| request())),
    );
    slot.leave();
    slot::release();
    failed.map_or(Ok(price), |error| {
        Err(format!("a thread cannot be signalled for its stack: {error}"))
    })
}
