//! Common claims about what a task awaits.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const COMMON_CLAIMS: &[CommonClaim] = &[
    CommonClaim {
        number: 24,
        says: "One lock cannot deadlock: a deadlock needs two locks that are taken in two orders.",
        so: LedgerVerdict::No,
        found: "A future that holds an async lock gives it back when it is polled to its end. A task \
                that keeps such a future, and awaits the same lock elsewhere, waits for itself, and \
                everybody waits behind it. The CPU is idle meanwhile, and no worker is blocked.",
        shown_by: &[
            ("buggy", "most orders are never answered"),
            ("buggy", "the runtime never freezes"),
            ("both-polled", "every order is answered"),
            ("fixed", "every order is answered"),
            ("longer-patience", "the service stops at the longer pause"),
        ],
    },
    CommonClaim {
        number: 25,
        says: "buffered(n) and buffer_unordered(n) keep n futures in progress while the loop body \
               handles an item.",
        so: LedgerVerdict::No,
        found: "The stream polls its futures only while the task awaits the stream. What the loop \
                body awaits stops all of them, and a timeout around one of them counts that time.",
        shown_by: &[
            ("buffered", "prices time out because they are not polled"),
            ("spawned", "no price times out"),
        ],
    },
    CommonClaim {
        number: 26,
        says: "A pool of connections that is exhausted is too small.",
        so: LedgerVerdict::Partly,
        found: "It is if each caller takes one connection. If callers take a second one while they \
                keep the first, a pool of any size has a burst that stops it.",
        shown_by: &[
            ("two-connections", "most orders are never answered"),
            ("larger-pool", "the service stops at the longer pause"),
            ("one-connection", "every order is answered"),
        ],
    },
];
