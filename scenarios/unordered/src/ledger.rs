//! What everybody repeats about joining many futures.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const SAYINGS: &[CommonClaim] = &[
    CommonClaim {
        number: 5,
        says: "Thousands of uploads in FuturesUnordered take seconds, because each future checks \
               its readiness against every other one: O(n²).",
        so: LedgerVerdict::Partly,
        found: "It is quadratic, though not as slow as that, and for another reason. A task has a \
                budget of 128 operations a poll; every child future beyond it is refused, woken \
                after the poll, and polled in vain again, once for each 128 that make progress. \
                Outside the budget the same code is linear; so it is behind a limiter for a few, \
                because a child future that is refused keeps its permit.",
        shown_by: &[
            ("buggy", "polls of the uploads grow with their square"),
            ("unconstrained", "polls of the uploads grow with their number"),
            ("tight-limiter", "polls of the uploads grow with their number"),
            ("buggy", "its worker polls the whole set, again and again"),
            ("buggy", "for wakes that tokio puts off until after the poll"),
        ],
    },
    CommonClaim {
        number: 6,
        says: "Spawning each upload and join_all on the handles is the fix: O(n), 65 times \
               faster.",
        so: LedgerVerdict::No,
        found: "Handles consume budget too, so this is quadratic as well, as soon as there is a \
                second worker. A JoinSet, awaiting the handles one after another, a bound on \
                concurrent uploads, and child futures outside the budget are linear. With the \
                last of these a large batch gains more than 65 times.",
        shown_by: &[
            ("spawn-join-all", "the advice that everybody repeats is quadratic on this tokio"),
            ("fixed", "time grows with their number"),
            ("spawn-await", "time grows with their number"),
            ("bounded", "polls of the uploads grow with their number"),
            ("buggy", "and many more of it the larger the batch"),
        ],
    },
];
