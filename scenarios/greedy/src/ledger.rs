//! Common claims about tasks that do not yield.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const COMMON_CLAIMS: &[CommonClaim] = &[
    CommonClaim {
        number: 1,
        says: "A batch task that parses thousands of large messages in a loop and never yields \
               starves everything else; a yield every 100 messages makes the tail 25 times \
               shorter.",
        so: LedgerVerdict::Partly,
        found: "The task starves everything else, and the yield helps as much as claimed. The \
                yield fails again when messages grow, because it lets at most sixty other tasks \
                run. A time limit instead of a count, and a hand-off to another thread, are far \
                better; consuming task budget for each message is hardly better.",
        shown_by: &[
            ("buggy", "a request waits for most of the import"),
            ("buggy", "the p99 response is many times that with a yield every 100 messages"),
            ("fixed", "the p90 response grows with the size of the messages"),
            (
                "consume-budget",
                "the p90 response is hardly shorter than with a yield every 100 messages",
            ),
            ("time-slice", "the p90 response is far shorter than with a yield every 100 messages"),
            ("buggy", "the p99 response is many times that with spawn_blocking"),
        ],
    },
    CommonClaim {
        number: 2,
        says: "Standard profiles show an even distribution of CPU meanwhile; only a view of the \
               scheduler shows the cause.",
        so: LedgerVerdict::Partly,
        found: "A CPU profile is not even: it shows the import, and rightly so. But it shows the \
                same import when no request starves, because the same work is then done in \
                slices. A CPU profile shows which code computes, not which requests wait for it; \
                a recording of the scheduler shows that.",
        shown_by: &[
            ("buggy", "the worker spends nearly all of its CPU time in the import"),
            ("fixed", "a CPU profile of the worker shows the import, as in the buggy variant"),
            ("buggy", "the scheduler profile blames the import for the waiting of requests"),
            ("fixed", "almost no request waits for the import"),
        ],
    },
    CommonClaim {
        number: 18,
        says: "An .await that is always ready, for example on a free tokio mutex, is no yield \
               point.",
        so: LedgerVerdict::Partly,
        found: "The claim is true for most futures. A free tokio mutex is a yield point \
                nevertheless, because each acquisition consumes task budget.",
        shown_by: &[
            ("await-more", "a request waits for most of the import"),
            ("tokio-mutex", "locking a free tokio mutex is a yield point"),
        ],
    },
    CommonClaim {
        number: 19,
        says: "More workers fix starvation.",
        so: LedgerVerdict::No,
        found: "More workers help until there are as many greedy tasks as workers.",
        shown_by: &[("more-workers", "a request waits for most of the import")],
    },
];
