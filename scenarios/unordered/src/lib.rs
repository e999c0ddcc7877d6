//! Unordered: a batch of small uploads, processed concurrently by one task.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists what else people do about it.

pub mod bounded;
pub mod bounded_by_n;
pub mod buggy;
mod drive;
pub mod fixed;
pub mod join_all;
mod ledger;
pub mod spawn_await;
pub mod spawn_join_all;
pub mod unconstrained;
pub mod uploads;

use drive::{Service, UNCONTENDED, drive, drive_with};
use lab_kit::{Cause, Claim, Column, Control, Cx, Ending, Kind, Load, Scenario, Truth, Variant};

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario {
    name: "unordered",
    summary: "a combinator polls all its futures again and again for the few that can go on",
    chapter: "unordered",
    // One worker, so that counts are the same in every run: a second one may take the task away while the first
    // still wakes its children.
    load: Load::BATCH,
    brief_ms: 0,
    primary: "cpu_us_per_op",
    columns: &[
        Column::new("polls_per_op", "polls/op"),
        Column::new("wakes_per_op", "wakes/op"),
        Column::new("forced_yields_per_op", "forced/op"),
        Column::new("outer_polls", "outer"),
        Column::new("allocs_per_op", "allocs/op"),
        Column::new("cpu_ms", "CPU"),
    ],
    metrics: &[],
    check: drive::check,
    ledger: ledger::SAYINGS,
    controls: CONTROLS,
    variants: VARIANTS,
};

/// Uploads that the healthy decoy processes the faulty way.
const FEW: usize = 100;

const ENDS: Claim = Claim::ending("the batch ends", Ending::Finished);
const ALL_DONE: Claim = Claim::share("every upload is processed", "completed", "offered").equal(1.0);

// One futile round of polls for every 128 uploads makes n/256 + ½ polls of each: 39.6 at 10 000.
const POLLS_IN_VAIN: Claim = Claim::metric("polls each upload again and again", "polls_per_op").at_least(10.0);
const VAIN_POLLS_GROW: Claim =
    Claim::growth("four times the uploads, four times the polls of each", "polls_per_op", 4).at_least(3.0);
const QUADRATIC: Claim = Claim::exponent("polls of the uploads grow with their square", "child_polls").at_least(1.7);

// A spawned upload is polled once whatever joins it does, so here time must tell.
const LINEAR_TIME: Claim = Claim::exponent("time grows with their number", "cpu_ms").at_most(1.3);

// 1 where a task is spawned, up to 2.5 where the budget or the limiter turns some away once.
const FEW_POLLS: Claim = Claim::metric("polls each upload a few times at most", "polls_per_op").at_most(3.0);
const LINEAR: Claim = Claim::exponent("polls of the uploads grow with their number", "child_polls").at_most(1.3);

/// Stacks of a worker have this in them.
const WORKER: &str = "tokio::runtime::scheduler::multi_thread::worker";

const fn quadratic(function: &'static str) -> Option<Truth> {
    Some(Truth { cause: Cause::QuadraticCombinator, function, workers: None })
}

const FAR_FEWER_POLLS: Claim =
    Claim::ratio("polls each upload far less often than with the bug", "polls_per_op", "buggy").at_most(0.25);

const CONTROLS: &[Control] = &[
    Control { trap: "spawn-join-all", pretends: LINEAR_TIME },
    Control { trap: "join-all", pretends: FAR_FEWER_POLLS },
    Control { trap: "bounded-by-n", pretends: FAR_FEWER_POLLS },
];

const VARIANTS: &[Variant] = &[
    Variant {
        name: "buggy",
        kind: Kind::Buggy,
        about: "collects all uploads into FuturesUnordered and drains it",
        run: |cx| drive(cx, buggy::process_all),
        claims: &[
            ENDS,
            ALL_DONE,
            POLLS_IN_VAIN,
            VAIN_POLLS_GROW,
            QUADRATIC,
            Claim::ratio("takes many times the CPU of the same without a budget", "cpu_ms", "unconstrained")
                .at_least(5.0),
            Claim::ratio_at("and many more of it the larger the batch", "cpu_ms", "unconstrained", 160_000)
                .at_least(65.0),
            Claim::stacks("its worker polls the whole set, again and again", "cpu", WORKER, &["FuturesUnordered"])
                .at_least(0.25),
            Claim::stacks("for wakes that tokio puts off until after the poll", "cpu", WORKER, &["Defer"])
                .at_least(0.1),
        ],
        truth: quadratic("scenario_unordered::buggy::process_all"),
    },
    Variant {
        name: "fixed",
        kind: Kind::Fixed,
        about: "spawns a task for every upload into a JoinSet",
        run: |cx| drive(cx, fixed::process_all),
        claims: &[
            ENDS,
            ALL_DONE,
            FEW_POLLS,
            LINEAR_TIME,
            Claim::stacks("no combinator polls anything in vain", "cpu", WORKER, &["FuturesUnordered"]).at_most(0.2),
        ],
        truth: None,
    },
    Variant {
        name: "spawn-await",
        kind: Kind::Fix,
        about: "spawns a task for every upload and awaits one handle after another",
        run: |cx| drive(cx, spawn_await::process_all),
        claims: &[ENDS, ALL_DONE, FEW_POLLS, LINEAR_TIME],
        truth: None,
    },
    Variant {
        name: "bounded",
        kind: Kind::Fix,
        about: "buffer_unordered(64): what is turned away is never more than 64",
        run: |cx| drive(cx, bounded::process_all),
        claims: &[ENDS, ALL_DONE, FEW_POLLS, LINEAR],
        truth: None,
    },
    Variant {
        name: "bounded-1024",
        kind: Kind::Fix,
        about: "buffer_unordered(1024): a wide bound is a bound too",
        run: |cx| drive(cx, bounded::process_more),
        claims: &[
            ENDS,
            ALL_DONE,
            Claim::metric("polls each upload once for every 128 that its bound lets in", "polls_per_op").at_most(12.0),
            LINEAR,
        ],
        truth: None,
    },
    Variant {
        name: "unconstrained",
        kind: Kind::Fix,
        about: "the faulty way with every upload outside the task budget",
        run: |cx| drive(cx, unconstrained::process_all),
        claims: &[ENDS, ALL_DONE, FEW_POLLS, LINEAR],
        truth: None,
    },
    Variant {
        name: "tight-limiter",
        kind: Kind::Fix,
        about: "the faulty way behind a limiter for 64 uploads, which fixes by accident",
        run: tight_limiter,
        claims: &[ENDS, ALL_DONE, FEW_POLLS, LINEAR],
        truth: None,
    },
    Variant {
        name: "spawn-join-all",
        kind: Kind::Trap,
        about: "spawns a task for every upload, then join_all on the handles; on a worker more",
        run: spawn_join_all,
        claims: &[
            ENDS,
            ALL_DONE,
            Claim::metric("its uploads are polled once each", "polls_per_op").at_most(1.5),
            Claim::growth(
                "nobody can count the polls of its handles, so time must tell: eight times the uploads take far more",
                "cpu_ms",
                8,
            )
            .at_least(14.0),
            Claim::exponent_up_to("the advice that everybody repeats is quadratic on this tokio", "cpu_ms", 160_000)
                .at_least(1.7),
        ],
        truth: quadratic("scenario_unordered::spawn_join_all::process_all"),
    },
    Variant {
        name: "join-all",
        kind: Kind::Trap,
        about: "join_all on the uploads, which is FuturesUnordered inside",
        run: |cx| drive(cx, join_all::process_all),
        claims: &[ENDS, ALL_DONE, POLLS_IN_VAIN, VAIN_POLLS_GROW, QUADRATIC],
        truth: quadratic("scenario_unordered::join_all::process_all"),
    },
    Variant {
        name: "bounded-by-n",
        kind: Kind::Trap,
        about: "buffer_unordered(n): a bound that bounds nothing",
        run: |cx| drive(cx, bounded_by_n::process_all),
        claims: &[ENDS, ALL_DONE, POLLS_IN_VAIN, VAIN_POLLS_GROW, QUADRATIC],
        truth: quadratic("scenario_unordered::bounded_by_n::process_all"),
    },
    Variant {
        name: "few",
        kind: Kind::Decoy,
        about: "the faulty way with a hundred uploads",
        run: few,
        claims: &[
            ENDS,
            ALL_DONE,
            Claim::metric("polls each upload once: fewer than the budget", "polls_per_op").at_most(1.5),
        ],
        truth: None,
    },
];

/// A limiter for 64 uploads at a time. An upload that the budget turns away holds its permit already, so no more
/// than 64 are turned away and woken at a time; the others wait for a permit, and nobody wakes them in vain.
fn tight_limiter(cx: &Cx) -> anyhow::Result<()> {
    let limit = 64 * uploads::BYTES;
    drive_with(cx, Service { workers: cx.load().workers, uploads: cx.load().size, limit }, buggy::process_all)
}

/// Takes two workers: on one, the tasks and the task that joins them take turns, and hardly a handle is polled in
/// vain.
fn spawn_join_all(cx: &Cx) -> anyhow::Result<()> {
    let service = Service { workers: cx.load().workers + 1, uploads: cx.load().size, limit: UNCONTENDED };
    drive_with(cx, service, spawn_join_all::process_all)
}

fn few(cx: &Cx) -> anyhow::Result<()> {
    drive_with(cx, Service { workers: cx.load().workers, uploads: FEW, limit: UNCONTENDED }, buggy::process_all)
}
