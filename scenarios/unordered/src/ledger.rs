//! Common claims about joining many futures.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const COMMON_CLAIMS: &[CommonClaim] = &[
    CommonClaim {
        number: 5,
        says: "Thousands of uploads in FuturesUnordered take seconds, because each future checks \
               its readiness against every other one: O(n²).",
        so: LedgerVerdict::Partly,
        found: "The cost is quadratic, but it is smaller and has another reason. A task has a \
                budget of 128 operations a poll. Every child future beyond it is refused, woken \
                after the poll and polled in vain again, once for each 128 that make progress. \
                Outside the budget the same code is linear. Behind a limiter that admits few it is \
                linear too, because a child future that is refused keeps its permit.",
        shown_by: &[
            ("buggy", "polls grow with the square of the number of uploads"),
            ("unconstrained", "polls grow in proportion to the number of uploads"),
            ("tight-limiter", "polls grow in proportion to the number of uploads"),
            ("buggy", "the worker spends much of its CPU time in polls of FuturesUnordered"),
            ("buggy", "the worker spends CPU time on wakes that tokio defers until after the poll"),
        ],
    },
    CommonClaim {
        number: 6,
        says: "Spawning each upload and join_all on the handles is the fix: O(n), 65 times \
               faster.",
        so: LedgerVerdict::No,
        found: "Polls of handles consume budget too, so join_all on handles is quadratic as soon \
                as there is a second worker. A JoinSet, awaiting the handles one after another, a \
                bound on concurrent uploads, and child futures outside the budget are linear. The \
                last of these makes a large batch more than 65 times faster.",
        shown_by: &[
            ("spawn-join-all", "CPU time grows with the square of the number of uploads"),
            ("fixed", "CPU time grows in proportion to the number of uploads"),
            ("spawn-await", "CPU time grows in proportion to the number of uploads"),
            ("bounded", "polls grow in proportion to the number of uploads"),
            (
                "buggy",
                "a large batch takes over 65 times the CPU time of the same code without a budget",
            ),
        ],
    },
];
