//! What a runtime calls: before and after each poll, and when a thread ends.
//!
//! There is nothing to call when a thread starts. A thread is given its slot at its first poll, for
//! a runtime also starts threads that never poll, hundreds of them for blocking calls, and they
//! would take the slots away.

use crate::price::{at_depth, price};
use crate::signal::{self, Asker};
use crate::stall::here::slot;
use crate::walk::{self, Text};
use lab_recording::overhead::Price;

/// Makes ready what a poll has no time for: the clock, which is calibrated once.
pub fn prepare() {
    slot::prepare();
}

/// The calling thread begins to poll a task. Costs a reading of the time-stamp counter and some
/// stores.
pub fn enter_poll(task: u64) {
    if let Some(slot) = slot::mine_or_claim() {
        slot.enter(task);
    }
}

/// The calling thread ended the poll that it began last.
pub fn leave_poll() {
    if let Some(slot) = slot::mine() {
        slot.leave();
    }
}

/// The calling thread ends: its slot is free for another.
pub fn thread_stops() {
    slot::release();
}

/// Polls that were reported so far, those inside of others left out.
pub fn polls() -> u64 {
    slot::all().iter().map(slot::Slot::polls).sum()
}

/// The cost of a sample for the sampled thread, sending included: this thread signals itself.
///
/// # Errors
/// If threads cannot be signalled here.
pub fn price_of_a_sample() -> Result<Price, String> {
    /// As many as a ring has room for.
    const EVENTS: u32 = 16;
    walk::frame_pointers_work()?;
    signal::install(Text::of_executable()?, Asker::Sampler, slot::answer)?;
    let slot = slot::mine_or_claim().ok_or("all sampler slots are taken: use fewer threads")?;
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    slot.enter(u64::MAX);
    let mut failed = None;
    let mut ask = || {
        slot.ask(1);
        failed = failed.take().or(signal::send(tid).err());
    };
    let price = price(
        EVENTS,
        || slot.empty(),
        |block| at_depth(block, &mut || (0..EVENTS).for_each(|_| ask())),
    );
    slot.leave();
    slot::release();
    failed.map_or(Ok(price), |error| {
        Err(format!("a thread cannot be signalled for its stack: {error}"))
    })
}
