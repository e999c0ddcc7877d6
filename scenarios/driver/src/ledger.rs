//! Common claims about a worker that computes.

use lab_kit::{CommonClaim, LedgerVerdict};

pub(super) const COMMON_CLAIMS: &[CommonClaim] = &[CommonClaim {
    number: 27,
    says: "While one worker computes, the other ones answer the requests.",
    so: LedgerVerdict::Partly,
    found: "They do if they are awake. Of all workers one looks for input. If that one begins to \
            compute while the other ones sleep, none looks until the poll ends. More workers are \
            more that sleep, and a task of its own is run by the worker that spawned it.",
    shown_by: &[
        ("buggy", "a request waits for most of a valuation"),
        ("more-workers", "a request waits for most of a valuation"),
        ("spawned", "a request waits for most of a valuation"),
        ("eager", "almost no request waits for a valuation"),
        ("poked", "almost no request waits for a valuation"),
    ],
}];
