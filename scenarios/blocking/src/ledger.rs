//! Common claims about blocking calls.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const COMMON_CLAIMS: &[CommonClaim] = &[
    CommonClaim {
        number: 3,
        says: "An async fn that calls std::fs::read_to_string freezes the service for as long as \
               the read takes, and flame graphs show nothing.",
        so: LedgerVerdict::Yes,
        found: "With one worker everything else freezes for the whole stall, and the deadline \
                around the read cannot fire. A CPU profile shows almost nothing of the read, \
                because a waiting thread uses no CPU; an off-CPU profile of polls shows the read \
                with its line.",
        shown_by: &[
            ("buggy", "the runtime freezes for nearly as long as the storage stalls"),
            ("buggy", "requests that need no file wait for the blocking read"),
            ("buggy", "the deadline of a stalled read does not fire before the read returns"),
            ("buggy", "a CPU profile shows almost nothing of the blocking read"),
            ("buggy", "polls spend their off-CPU time in the blocking read"),
        ],
    },
    CommonClaim {
        number: 4,
        says: "The fix is tokio::fs for reading, which is true async I/O, and spawn_blocking for \
               the computation.",
        so: LedgerVerdict::Partly,
        found: "Both halves of the fix help. But tokio::fs::read_to_string is a hand-off to the \
                blocking pool, so a small pool moves the stall instead of removing it. \
                tokio::fs::read uses io_uring if tokio is built for it.",
        shown_by: &[
            ("fixed", "requests that need no file do not wait for a read"),
            ("half-fixed", "the runtime freezes while a document is indexed"),
            ("half-fixed", "tokio::fs reads on threads of the blocking pool"),
            ("small-pool", "documents queue for the blocking pool behind a stalled read"),
            ("uring", "tokio opens an io_uring instance"),
        ],
    },
    CommonClaim {
        number: 20,
        says: "block_in_place makes a blocking call safe in async code.",
        so: LedgerVerdict::Partly,
        found: "The worker's other tasks continue on another thread. The blocking task does not, \
                and its own timeout does not fire.",
        shown_by: &[
            ("block-in-place", "requests that need no file do not wait for a read"),
            (
                "block-in-place",
                "the deadline of a stalled read does not fire before the read returns",
            ),
        ],
    },
];
