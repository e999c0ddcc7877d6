//! The task kind of the current poll of each thread.

use crate::hooks::{Hooks, Task};
use crate::scheduler::places;
use std::cell::Cell;

thread_local! {
    // The number of the spawn location of the polled task, from 1; 0 outside of polls.
    static POLLED: Cell<u32> = const { Cell::new(0) };
}

/// Adds the hooks that keep it.
pub(crate) fn add_hooks(hooks: &mut Hooks) {
    hooks.before_poll.push(|task: &Task| POLLED.set(u32::from(places::index(task.place)) + 1));
    hooks.after_poll.push(|| POLLED.set(0));
}

/// The number of the spawn location of the task that this thread polls; none outside of polls.
#[inline]
pub(crate) fn place() -> Option<u16> {
    POLLED.get().checked_sub(1).map(|place| place as u16)
}
