//! The recorded runtimes, for their counters and for the yield probe.

use crate::hooks::{self, Handle};
use std::sync::{Mutex, PoisonError};

static ALL: Mutex<Vec<(u8, Handle)>> = Mutex::new(Vec::new());

/// Adds the runtime of the calling thread. A handle does not prevent the shutdown of its runtime.
pub(crate) fn remember(number: u8) {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = hooks::runtime()
        && all.iter().all(|(known, _)| *known != number)
    {
        all.push((number, handle));
    }
}

/// All runtimes, with their numbers.
pub(crate) fn all() -> Vec<(u8, Handle)> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Removes all runtimes.
pub(crate) fn clear() {
    ALL.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
