//! Common claims about memory that grows.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const COMMON_CLAIMS: &[CommonClaim] = &[
    CommonClaim {
        number: 14,
        says: "jemalloc's heap profile finds async leaks; a guard of jemalloc-ctl activates it.",
        so: LedgerVerdict::Partly,
        found: "It finds them, by the difference of two dumps under load: what one dump shows is \
                mostly what is meant to be there. It names the code that allocates, not the \
                registry that keeps a task alive. There is no guard: profiling is compiled in, \
                enabled in the environment at the start, and switched on through prof.active.",
        shown_by: &[
            ("buggy", "the memory that was added was allocated in the tasks of sessions"),
            (
                "joinset-undrained",
                "the memory that was added was allocated in tasks that have ended",
            ),
            ("endless-cache", "the memory that was added was allocated for the cache"),
            ("warm-up", "most of the memory that is alive at the end is the catalogue"),
            ("warm-up", "memory does not grow with the requests"),
        ],
    },
    CommonClaim {
        number: 21,
        says: "An unbounded channel is the leak: a bounded one fixes it.",
        so: LedgerVerdict::No,
        found: "A bound limits what waits in one channel. What leaks is the task behind it, which \
                waits for a sender that nobody removes, with all that the task holds.",
        shown_by: &[
            ("bigger-channel", "no session ends"),
            ("bigger-channel", "memory grows with every request"),
        ],
    },
    CommonClaim {
        number: 22,
        says: "Tasks in a JoinSet do not leak.",
        so: LedgerVerdict::Partly,
        found: "They end with the set. Until then the set keeps each task that has ended, with its \
                output, for whoever asks next.",
        shown_by: &[
            ("joinset-undrained", "every session ends when its client has left"),
            ("joinset-undrained", "memory grows with every request"),
        ],
    },
    CommonClaim {
        number: 23,
        says: "Memory that grows under a steady load is a leak.",
        so: LedgerVerdict::No,
        found: "A cache grows until it is full, and a table until it is loaded. A leak grows in \
                every part of the load.",
        shown_by: &[
            ("levelling-cache", "memory grows after the first sixth of the load"),
            ("levelling-cache", "memory does not grow in the second half of the load"),
            ("buggy", "memory still grows in the second half of the load"),
        ],
    },
];
