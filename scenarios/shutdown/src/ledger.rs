//! What everybody repeats about ending a runtime.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const SAYINGS: &[CommonClaim] = &[
    CommonClaim {
        number: 7,
        says: "A task that calls shutdown_timeout through the runtime's handle deadlocks the \
               runtime.",
        so: LedgerVerdict::No,
        found: "A handle has no such method: only the runtime itself has it, and it takes the \
                runtime by value. Called from a task it panics, and requests in flight are lost. \
                Where blocking is allowed it stalls for the whole deadline. A drop without a \
                deadline hangs for ever in those places, or anywhere while a task never yields; \
                and tokio's own count of live tasks is zero meanwhile.",
        shown_by: &[
            ("in-task", "the supervisor panics, and with it the service fails"),
            ("in-task", "accepted requests are lost"),
            ("timeout-inside", "ending takes the whole deadline"),
            ("timeout-in-pool", "ending takes the whole deadline"),
            ("buggy", "the process never ends"),
            ("drop-in-pool", "the process never ends"),
            ("greedy-tenant", "the process never ends"),
            ("buggy", "and tokio's own count does not show it"),
        ],
    },
    CommonClaim {
        number: 8,
        says: "The fix is coordination from outside, by a signal.",
        so: LedgerVerdict::Yes,
        found: "The main thread waits for the signal, lets all accepted requests be answered, and \
                ends the runtime with a deadline. A shutdown in the background is quick and loses \
                requests in flight.",
        shown_by: &[
            ("fixed", "the process ends"),
            ("fixed", "everything accepted is answered"),
            ("fixed", "no task is left"),
            ("background", "accepted requests are lost"),
        ],
    },
];
