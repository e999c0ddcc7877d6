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
use lab_kit::{Cause, Claim, Control, Cx, Ending, Kind, Load, Scenario, Truth, Variant};

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario::batch(
    "unordered",
    "a combinator polls all its futures again and again for the few that can go on",
    VARIANTS,
)
.chapter("unordered")
// One worker, so that counts are the same in every run: a second one may take the task away while
// the first still wakes its children.
.load(Load::BATCH)
.check(drive::check)
.ledger(ledger::SAYINGS)
.controls(CONTROLS);

/// Uploads that the healthy decoy processes the faulty way.
const FEW: usize = 100;

const ENDS: Claim = Claim::ending("the batch ends", Ending::Finished);
const ALL_DONE: Claim =
    Claim::share("every upload is processed", "completed", "offered").equal(1.0);

// One futile round of polls for every 128 uploads makes n/256 + ½ polls of each: 39.6 at 10 000.
const POLLS_IN_VAIN: Claim =
    Claim::metric("polls each upload again and again", "polls_per_op").at_least(10.0);
const VAIN_POLLS_GROW: Claim =
    Claim::growth("four times the uploads, four times the polls of each", "polls_per_op", 4)
        .at_least(3.0);
const QUADRATIC: Claim =
    Claim::exponent("polls of the uploads grow with their square", "child_polls").at_least(1.7);

// A spawned upload is polled once whatever joins it does, so here time must tell.
const LINEAR_TIME: Claim = Claim::exponent("time grows with their number", "cpu_ms").at_most(1.3);

// 1 where a task is spawned, up to 2.5 where the budget or the limiter turns some away once.
const FEW_POLLS: Claim =
    Claim::metric("polls each upload a few times at most", "polls_per_op").at_most(3.0);
const LINEAR: Claim =
    Claim::exponent("polls of the uploads grow with their number", "child_polls").at_most(1.3);

/// Stacks of a worker have this in them.
const WORKER: &str = "tokio::runtime::scheduler::multi_thread::worker";

const fn quadratic(function: &'static str) -> Truth {
    Truth::new(Cause::QuadraticCombinator, function)
}

const FAR_FEWER_POLLS: Claim =
    Claim::ratio("polls each upload far less often than with the bug", "polls_per_op", "buggy")
        .at_most(0.25);

const CONTROLS: &[Control] = &[
    Control { trap: "spawn-join-all", pretends: LINEAR_TIME },
    Control { trap: "join-all", pretends: FAR_FEWER_POLLS },
    Control { trap: "bounded-by-n", pretends: FAR_FEWER_POLLS },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::process_all))
        .about("collects all uploads into FuturesUnordered and drains it")
        .claims(&[
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
        ])
        .truth(quadratic("scenario_unordered::buggy::process_all")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::process_all))
        .about("spawns a task for every upload into a JoinSet")
        .claims(&[
            ENDS,
            ALL_DONE,
            FEW_POLLS,
            LINEAR_TIME,
            Claim::stacks("no combinator polls anything in vain", "cpu", WORKER, &["FuturesUnordered"]).at_most(0.2),
        ]),
    Variant::new("spawn-await", Kind::Fix, |cx| drive(cx, spawn_await::process_all))
        .about("spawns a task for every upload and awaits one handle after another")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR_TIME]),
    Variant::new("bounded", Kind::Fix, |cx| drive(cx, bounded::process_all))
        .about("buffer_unordered(64): what is turned away is never more than 64")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR]),
    Variant::new("bounded-1024", Kind::Fix, |cx| drive(cx, bounded::process_more))
        .about("buffer_unordered(1024): a wide bound is a bound too")
        .claims(&[
            ENDS,
            ALL_DONE,
            Claim::metric("polls each upload once for every 128 that its bound lets in", "polls_per_op").at_most(12.0),
            LINEAR,
        ]),
    Variant::new("unconstrained", Kind::Fix, |cx| drive(cx, unconstrained::process_all))
        .about("the faulty way with every upload outside the task budget")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR]),
    Variant::new("tight-limiter", Kind::Fix, tight_limiter)
        .about("the faulty way behind a limiter for 64 uploads, which fixes by accident")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR]),
    Variant::new("spawn-join-all", Kind::Trap, spawn_join_all)
        .about("spawns a task for every upload, then join_all on the handles; on a worker more")
        .claims(&[
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
        ])
        .truth(quadratic("scenario_unordered::spawn_join_all::process_all")),
    Variant::new("join-all", Kind::Trap, |cx| drive(cx, join_all::process_all))
        .about("join_all on the uploads, which is FuturesUnordered inside")
        .claims(&[ENDS, ALL_DONE, POLLS_IN_VAIN, VAIN_POLLS_GROW, QUADRATIC])
        .truth(quadratic("scenario_unordered::join_all::process_all")),
    Variant::new("bounded-by-n", Kind::Trap, |cx| drive(cx, bounded_by_n::process_all))
        .about("buffer_unordered(n): a bound that bounds nothing")
        .claims(&[ENDS, ALL_DONE, POLLS_IN_VAIN, VAIN_POLLS_GROW, QUADRATIC])
        .truth(quadratic("scenario_unordered::bounded_by_n::process_all")),
    Variant::new("few", Kind::Decoy, few).about("the faulty way with a hundred uploads").claims(&[
        ENDS,
        ALL_DONE,
        Claim::metric("polls each upload once: fewer than the budget", "polls_per_op").at_most(1.5),
    ]),
];

/// A limiter for 64 uploads at a time. An upload that the budget turns away holds its permit
/// already, so no more than 64 are turned away and woken at a time; the others wait for a permit,
/// and nobody wakes them in vain.
fn tight_limiter(cx: &Cx) -> anyhow::Result<()> {
    let limit = 64 * uploads::BYTES;
    drive_with(
        cx,
        Service { workers: cx.load().workers, uploads: cx.load().size, limit },
        buggy::process_all,
    )
}

/// Takes two workers: on one, the tasks and the task that joins them take turns, and hardly a
/// handle is polled in vain.
fn spawn_join_all(cx: &Cx) -> anyhow::Result<()> {
    let service =
        Service { workers: cx.load().workers + 1, uploads: cx.load().size, limit: UNCONTENDED };
    drive_with(cx, service, spawn_join_all::process_all)
}

fn few(cx: &Cx) -> anyhow::Result<()> {
    drive_with(
        cx,
        Service { workers: cx.load().workers, uploads: FEW, limit: UNCONTENDED },
        buggy::process_all,
    )
}
