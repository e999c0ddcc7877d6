//! The runtimes that are recorded, for their own counters and for the yield probe.

use super::super::hooks::Handle;
use crate::lens::hooks;
use std::sync::{Mutex, PoisonError};

static KNOWN: Mutex<Vec<(u8, Handle)>> = Mutex::new(Vec::new());

/// Remembers the runtime that the calling thread belongs to. A handle keeps no runtime from ending.
pub(super) fn remember(number: u8) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = hooks::runtime()
        && known.iter().all(|(of, _)| *of != number)
    {
        known.push((number, handle));
    }
}

/// All that are known.
pub(super) fn known() -> Vec<(u8, Handle)> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lets go of them.
pub(super) fn forget() {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
