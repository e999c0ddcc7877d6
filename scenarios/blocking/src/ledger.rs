//! What everybody repeats about blocking calls.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const SAYINGS: &[CommonClaim] = &[
    CommonClaim {
        number: 3,
        says: "An async fn that calls std::fs::read_to_string freezes the service for as long as \
               the read takes, and flame graphs show nothing.",
        so: LedgerVerdict::Yes,
        found: "With one worker everything else freezes for the whole stall, and the deadline \
                around the read cannot fire. A CPU profile shows almost nothing of it, because a \
                waiting thread uses no CPU; an off-CPU profile of polls shows the read with its \
                line.",
        shown_by: &[
            ("buggy", "the runtime freezes for nearly a whole stall"),
            ("buggy", "requests that need no file wait for it"),
            ("buggy", "no deadline fires while its storage stalls: the answer comes after it"),
            ("buggy", "and a CPU profile shows next to nothing of it"),
            ("buggy", "where its polls wait is that read"),
        ],
    },
    CommonClaim {
        number: 4,
        says: "The fix is tokio::fs for reading, which is true async I/O, and spawn_blocking for \
               the computation.",
        so: LedgerVerdict::Partly,
        found: "Both halves of the fix help. tokio::fs::read_to_string is a hand-off to the \
                blocking pool, so a small pool moves the stall instead of removing it. \
                tokio::fs::read uses io_uring, where tokio is built for it.",
        shown_by: &[
            ("fixed", "requests that need no file do not wait for one"),
            ("half-fixed", "the runtime freezes while a document is indexed"),
            ("half-fixed", "tokio::fs alone needs threads of the pool, which do the waiting"),
            ("small-pool", "documents queue behind the one that stalls"),
            ("uring", "the kernel does the waiting, by a ring"),
        ],
    },
    CommonClaim {
        number: 20,
        says: "block_in_place makes a blocking call safe in async code.",
        so: LedgerVerdict::Partly,
        found: "The worker's other tasks run on. The blocking task does not, and its own timeout \
                does not fire.",
        shown_by: &[
            ("block-in-place", "requests that need no file do not wait for one"),
            (
                "block-in-place",
                "no deadline fires while its storage stalls: the answer comes after it",
            ),
        ],
    },
];
