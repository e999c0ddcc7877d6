//! What a runtime calls: before and after each poll, and when a thread ends.
//!
//! There is nothing to call when a thread starts. A thread is given its slot at its first poll, for a runtime also
//! starts threads that never poll, hundreds of them for blocking calls, and they would take the slots away.

use super::slot;

/// Makes ready what a poll has no time for: the clock, which is calibrated once.
pub fn prepare() {
    slot::prepare();
}

/// The calling thread begins to poll a task. Costs a look at the time-stamp counter and some stores.
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
