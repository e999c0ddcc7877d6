//! What everybody repeats about tasks that do not yield.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const SAYINGS: &[CommonClaim] = &[
    CommonClaim {
        number: 1,
        says: "A batch task that parses thousands of large messages in a loop and never yields \
               starves everything else; a yield every 100 messages makes the tail 25 times \
               shorter.",
        so: LedgerVerdict::Partly,
        found: "It starves everything, and the yield helps as much as claimed. It fails again \
                when messages grow, because a yield lets at most sixty other tasks run. A time \
                limit instead of a count, and a hand-off to another thread, are far better; \
                consuming the budget for each message is hardly better.",
        shown_by: &[
            ("buggy", "a request waits for most of the import"),
            ("buggy", "its tail is far above a yield every 100"),
            ("fixed", "counts messages: larger ones are far worse"),
            ("consume-budget", "hardly better than counting to 100 by hand"),
            ("time-slice", "far below counting to 100"),
            ("buggy", "and out of sight of spawn_blocking"),
        ],
    },
    CommonClaim {
        number: 2,
        says: "Standard profiles show an even distribution of CPU meanwhile; only a view of the \
               scheduler shows the cause.",
        so: LedgerVerdict::Partly,
        found: "A CPU profile is not even: it shows the import, and rightly so. But it shows the \
                same import when no request starves, because the same work is done in slices. It \
                shows which code computes, not which requests wait for it; a recording of the \
                scheduler shows that.",
        shown_by: &[
            ("buggy", "its worker computes the import and hardly anything else"),
            ("fixed", "a CPU profile of its worker looks like the faulty one"),
            ("buggy", "what the requests wait for is it, by its function"),
            ("fixed", "hardly a request waits for the import"),
        ],
    },
    CommonClaim {
        number: 18,
        says: "An .await that is always ready, for example on a free tokio mutex, is no yield \
               point.",
        so: LedgerVerdict::Partly,
        found: "For most futures that is true. A free lock of tokio is a yield point \
                nevertheless, because each acquisition consumes the task's budget.",
        shown_by: &[
            ("await-more", "a request waits for most of the import"),
            ("tokio-mutex", "a free tokio lock is a yield point after all"),
        ],
    },
    CommonClaim {
        number: 19,
        says: "More workers fix starvation.",
        so: LedgerVerdict::No,
        found: "They fix it until there are as many greedy tasks as workers.",
        shown_by: &[("more-workers", "a request waits for most of the import")],
    },
];
