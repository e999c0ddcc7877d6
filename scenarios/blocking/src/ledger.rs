//! What everybody repeats about blocking calls.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const SAYINGS: &[CommonClaim] = &[
    CommonClaim {
        number: 3,
        says: "An async fn that calls std::fs::read_to_string freezes the service for as long as the read takes, and flame \
               graphs show nothing.",
        so: LedgerVerdict::Yes,
        found: "With one worker everything beside it stands still for the whole stall, and the deadline around the read \
                cannot fire. A CPU profile has next to nothing of it, for a thread that waits uses no CPU; a sampler of what \
                polls wait for shows the read with its line.",
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
        says: "The fix is tokio::fs for reading, which is true async I/O, and spawn_blocking for the computing.",
        so: LedgerVerdict::Partly,
        found: "The fix fixes, both halves of it. tokio::fs::read_to_string is a hand-off to the blocking pool, so a \
                small pool moves the stall instead of curing it. Through io_uring goes tokio::fs::read, where tokio is \
                built for it.",
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
        found: "The worker's other tasks run on. The task that blocks does not, and with it neither does its own timeout.",
        shown_by: &[
            ("block-in-place", "requests that need no file do not wait for one"),
            ("block-in-place", "no deadline fires while its storage stalls: the answer comes after it"),
        ],
    },
];
