//! The runtimes that are recorded, for their own counters and for the yield probe.

use crate::hooks::{self, Handle};
use std::sync::{Mutex, PoisonError};

static KNOWN: Mutex<Vec<(u8, Handle)>> = Mutex::new(Vec::new());

/// Remembers the runtime that the calling thread belongs to. A handle keeps no runtime from ending.
pub(crate) fn remember(number: u8) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = hooks::runtime()
        && known.iter().all(|(of, _)| *of != number)
    {
        known.push((number, handle));
    }
}

/// All that are known.
pub(crate) fn known() -> Vec<(u8, Handle)> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lets go of them.
pub(crate) fn forget() {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
