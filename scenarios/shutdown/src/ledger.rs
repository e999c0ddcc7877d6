//! Common claims about the shutdown of a runtime.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const COMMON_CLAIMS: &[CommonClaim] = &[
    CommonClaim {
        number: 7,
        says: "A task that calls shutdown_timeout through the runtime's handle deadlocks the \
               runtime.",
        so: LedgerVerdict::No,
        found: "A handle has no such method: only the runtime itself has it, and it takes the \
                runtime by value. A call from a task panics, and requests in flight are lost. \
                Where blocking is allowed, the call stalls for its whole deadline. A drop without \
                a deadline hangs for ever in those places, and anywhere while a task never \
                yields. Tokio's own count of live tasks is zero meanwhile.",
        shown_by: &[
            ("in-task", "the supervisor task panics, so the service fails"),
            ("in-task", "accepted requests are lost"),
            ("timeout-inside", "the shutdown takes its whole deadline"),
            ("timeout-in-pool", "the shutdown takes its whole deadline"),
            ("buggy", "the process never ends"),
            ("drop-in-pool", "the process never ends"),
            ("greedy-tenant", "the process never ends"),
            ("buggy", "tokio's count of live tasks is zero"),
        ],
    },
    CommonClaim {
        number: 8,
        says: "The fix is coordination from outside, by a signal.",
        so: LedgerVerdict::Yes,
        found: "In the fixed code the main thread waits for the signal, lets all accepted requests \
                be answered, and shuts the runtime down with a deadline. A shutdown in the \
                background is quick and loses requests in flight.",
        shown_by: &[
            ("fixed", "the process ends"),
            ("fixed", "every accepted request is answered"),
            ("fixed", "no task of the service is left"),
            ("background", "accepted requests are lost"),
        ],
    },
];
