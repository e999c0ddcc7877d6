//! Leak: a feed whose sessions wait for senders that a registry never drops.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists the other fixes, and traps.

pub mod bigger_channel;
pub mod buggy;
pub mod drive;
pub mod endless_cache;
pub mod fixed;
pub mod guard;
pub mod joinset_undrained;
mod ledger;
pub mod levelling_cache;
pub mod service;
pub mod shrink_to_fit;
pub mod warm_up;

use drive::{check, drive, visits_until};
use lab_kit::{
    Cause, Claim, Column, Control, Cx, Ending, Kind, Load, Metric, Scenario, Truth, Variant,
};
use levelling_cache::Greeting;
use std::sync::Arc;
use warm_up::Catalogue;

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario::new(
    "leak",
    "tasks wait on channels whose senders a registry never drops, and memory grows",
    VARIANTS,
)
.chapter("leak")
.load(Load { rate: 500.0, warmup_ms: 300, size: 256, ..Load::DEFAULT })
.brief_ms(1_200)
.primary("live_end_kb")
.columns(&[
    Column::new("sessions_opened", "sessions"),
    Column::new("sessions_alive_end", "left"),
    Column::new("live_sixth_kb", "at 1/6"),
    Column::new("live_end_kb", "at the end"),
    Column::new("growth_per_request_b", "B/request"),
])
.check(check)
.ledger(ledger::COMMON_CLAIMS)
.metrics(METRICS)
.controls(CONTROLS);

const METRICS: &[Metric] = &[
    Metric::lower("live_end_kb", "kB", 0.15, "live memory at the end of the load"),
    Metric::lower("growth_per_request_b", "B", 0.15, "memory that each request adds").may_be_zero(),
    Metric::lower("sessions_alive_end", "sessions", 0.05, "sessions left at the end of the load")
        .may_be_zero(),
];

const ENDS: Claim = Claim::ending("the run ends", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every client is served", "completed", "offered").equal(1.0);
const SHOWS_ALL: Claim =
    Claim::share("every client sees every update", "updates_shown", "updates_due").equal(1.0);
const ALL_END: Claim = Claim::share(
    "every session ends when its client has left",
    "sessions_ended",
    "sessions_opened",
)
.equal(1.0);
const NONE_ENDS: Claim =
    Claim::share("no session ends", "sessions_ended", "sessions_opened").equal(0.0);

// A session that is kept has a page of 4 KiB at least. What ends leaves nothing; requests in flight
// after a sixth of the load and not at its end make the difference smaller.
const GROWS: Claim =
    Claim::metric("memory grows with every request", "growth_per_request_b").at_least(2_048.0);
const STILL_GROWS: Claim =
    Claim::metric("memory still grows in the second half of the load", "late_growth_per_request_b")
        .at_least(2_048.0);
const NO_GROWTH: Claim =
    Claim::metric("memory does not grow with the requests", "growth_per_request_b").at_most(512.0);
const LEVELS_OFF: Claim = Claim::metric(
    "memory does not grow in the second half of the load",
    "late_growth_per_request_b",
)
.at_most(512.0);

/// The view of what was added after the first sixth of the load and was alive at its end.
const GROWTH: &str = "alloc growth";

const fn leak(function: &'static str) -> Truth {
    Truth::new(Cause::Leak, function)
}

const CONTROLS: &[Control] = &[
    Control { trap: "bigger-channel", pretends: ALL_END },
    Control { trap: "shrink-to-fit", pretends: NO_GROWTH },
    Control { trap: "joinset-undrained", pretends: NO_GROWTH },
    Control { trap: "endless-cache", pretends: NO_GROWTH },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, Arc::default(), buggy::serve))
        .about("the registry keeps the sender of each session, so that no session ends")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            SHOWS_ALL,
            NONE_ENDS,
            GROWS,
            STILL_GROWS,
            Claim::ratio(
                "live memory at the end is many times that of the fixed variant",
                "live_end_kb",
                "fixed",
            )
            .at_least(3.0),
            Claim::stacks(
                "the memory that was added was allocated in the tasks of sessions",
                GROWTH,
                "",
                &["buggy::session"],
            )
            .at_least(0.6),
        ])
        .truth(leak("scenario_leak::buggy::session")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, Arc::default(), fixed::serve))
        .about("a session leaves the registry with its client")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            SHOWS_ALL,
            ALL_END,
            NO_GROWTH,
            LEVELS_OFF,
            Claim::stacks(
                "sessions allocate in the fixed variant too",
                "alloc churn",
                "",
                &["fixed::session"],
            )
            .at_least(0.25),
        ]),
    Variant::new("guard", Kind::Fix, |cx| drive(cx, Arc::default(), guard::serve))
        .about("a session leaves the registry when its registration is dropped")
        .claims(&[ENDS, ANSWERS_ALL, SHOWS_ALL, ALL_END, NO_GROWTH, LEVELS_OFF]),
    Variant::new("bigger-channel", Kind::Trap, |cx| {
        drive(cx, Arc::default(), bigger_channel::serve)
    })
    .about("the channels are bounded, with room for a million events")
    .claims(&[ENDS, ANSWERS_ALL, SHOWS_ALL, NONE_ENDS, GROWS, STILL_GROWS])
    .truth(leak("scenario_leak::bigger_channel::session")),
    Variant::new("shrink-to-fit", Kind::Trap, |cx| drive(cx, Arc::default(), shrink_to_fit::serve))
        .about("the registry gives unused room back after each visit")
        .claims(&[ENDS, ANSWERS_ALL, SHOWS_ALL, NONE_ENDS, GROWS, STILL_GROWS])
        .truth(leak("scenario_leak::buggy::session")),
    Variant::new("joinset-undrained", Kind::Trap, |cx| {
        drive(cx, Arc::default(), joinset_undrained::serve)
    })
    .about("every session ends, in a JoinSet that nobody takes results from")
    .claims(&[
        ENDS,
        ANSWERS_ALL,
        SHOWS_ALL,
        ALL_END,
        GROWS,
        STILL_GROWS,
        Claim::stacks(
            "the memory that was added was allocated in tasks that have ended",
            GROWTH,
            "",
            &["joinset_undrained::session"],
        )
        .at_least(0.5),
    ])
    .truth(leak("scenario_leak::joinset_undrained::session")),
    Variant::new("endless-cache", Kind::Trap, |cx| drive(cx, Arc::default(), endless_cache::serve))
        .about("every session ends, and a cache keeps a page for each client")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            SHOWS_ALL,
            ALL_END,
            GROWS,
            STILL_GROWS,
            Claim::stacks(
                "the memory that was added was allocated for the cache",
                GROWTH,
                "",
                &["endless_cache::welcome"],
            )
            .at_least(0.6),
        ])
        .truth(leak("scenario_leak::endless_cache::welcome")),
    Variant::new("levelling-cache", Kind::Decoy, levelling_cache)
        .about("a cache fills up to its bound in the first half of the load")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            SHOWS_ALL,
            ALL_END,
            Claim::metric("memory grows after the first sixth of the load", "growth_per_request_b")
                .at_least(512.0),
            LEVELS_OFF,
        ]),
    Variant::new("warm-up", Kind::Decoy, warm_up)
        .about("the first clients have a catalogue loaded, which stays")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            SHOWS_ALL,
            ALL_END,
            NO_GROWTH,
            LEVELS_OFF,
            Claim::stacks(
                "most of the memory that is alive at the end is the catalogue",
                "alloc live",
                "",
                &["warm_up::load"],
            )
            .at_least(0.5),
        ]),
];

/// Runs the fixed service with a cache that is full after two fifths of the load.
fn levelling_cache(cx: &Cx) -> anyhow::Result<()> {
    let greeting = Greeting::with_room_for(visits_until(cx.load(), 0.4));
    drive(cx, Arc::new(greeting), levelling_cache::serve)
}

/// Runs the fixed service with a catalogue that is loaded after a twelfth of the load.
fn warm_up(cx: &Cx) -> anyhow::Result<()> {
    let catalogue = Catalogue::of_parts(visits_until(cx.load(), 1.0 / 12.0));
    drive(cx, Arc::new(catalogue), warm_up::serve)
}
