//! Unordered: a batch of small uploads, processed concurrently by one task.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists the other fixes, and traps.

pub mod bounded;
pub mod bounded_by_n;
pub mod buggy;
pub mod drive;
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
    "a combinator polls its whole set of futures again for the few that can progress",
    VARIANTS,
)
.chapter("unordered")
// One worker, so that counts are the same in every run: a second worker may steal the task while
// the first one still wakes its child futures.
.load(Load::BATCH)
.check(drive::check)
.ledger(ledger::COMMON_CLAIMS)
.controls(CONTROLS);

/// Number of uploads in the decoy.
const FEW: usize = 100;

const ENDS: Claim = Claim::ending("the batch ends", Ending::Finished);
const ALL_DONE: Claim =
    Claim::share("every upload is processed", "completed", "offered").equal(1.0);

// Each poll of the task polls all uploads that are left, and 128 of them finish. So an upload is
// polled n/256 + ½ times in the mean: with n = 10 000 uploads, 39.6 times.
const MANY_POLLS: Claim =
    Claim::metric("each upload is polled many times", "polls_per_op").at_least(10.0);
const POLLS_GROW: Claim =
    Claim::growth("the polls of each upload grow with the number of uploads", "polls_per_op", 4)
        .at_least(3.0);
const QUADRATIC: Claim =
    Claim::exponent("polls grow with the square of the number of uploads", "child_polls")
        .at_least(1.7);

// A spawned upload is polled once, whatever awaits its handle, and polls of handles are not
// counted. So these variants are judged by CPU time.
const LINEAR_TIME: Claim =
    Claim::exponent("CPU time grows in proportion to the number of uploads", "cpu_ms").at_most(1.3);

// One poll of a spawned task; up to 2.5 where the budget or the limiter refuses some uploads once.
const FEW_POLLS: Claim =
    Claim::metric("each upload is polled a few times at most", "polls_per_op").at_most(3.0);
const LINEAR: Claim =
    Claim::exponent("polls grow in proportion to the number of uploads", "child_polls")
        .at_most(1.3);

/// A frame of every stack of a worker.
const WORKER: &str = "tokio::runtime::scheduler::multi_thread::worker";

const fn quadratic(function: &'static str) -> Truth {
    Truth::new(Cause::QuadraticCombinator, function)
}

const FAR_FEWER_POLLS: Claim = Claim::ratio(
    "each upload is polled far less often than in the buggy variant",
    "polls_per_op",
    "buggy",
)
.at_most(0.25);

const CONTROLS: &[Control] = &[
    Control { trap: "spawn-join-all", pretends: LINEAR_TIME },
    Control { trap: "join-all", pretends: FAR_FEWER_POLLS },
    Control { trap: "bounded-by-n", pretends: FAR_FEWER_POLLS },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::process_all))
        .about("one task drains all uploads from a FuturesUnordered")
        .claims(&[
            ENDS,
            ALL_DONE,
            MANY_POLLS,
            POLLS_GROW,
            QUADRATIC,
            Claim::ratio(
                "the batch takes many times the CPU time of the same code without a task budget",
                "cpu_ms",
                "unconstrained",
            )
            .at_least(5.0),
            Claim::ratio_at(
                "a large batch takes over 65 times the CPU time of the same code without a budget",
                "cpu_ms",
                "unconstrained",
                160_000,
            )
            .at_least(65.0),
            Claim::stacks(
                "the worker spends much of its CPU time in polls of FuturesUnordered",
                "cpu",
                WORKER,
                &["FuturesUnordered"],
            )
            .at_least(0.25),
            Claim::stacks(
                "the worker spends CPU time on wakes that tokio defers until after the poll",
                "cpu",
                WORKER,
                &["Defer"],
            )
            .at_least(0.1),
        ])
        .truth(quadratic("scenario_unordered::buggy::process_all")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::process_all))
        .about("each upload is a task in a JoinSet")
        .claims(&[
            ENDS,
            ALL_DONE,
            FEW_POLLS,
            LINEAR_TIME,
            Claim::stacks(
                "the worker spends little CPU time in FuturesUnordered",
                "cpu",
                WORKER,
                &["FuturesUnordered"],
            )
            .at_most(0.2),
        ]),
    Variant::new("spawn-await", Kind::Fix, |cx| drive(cx, spawn_await::process_all))
        .about("each upload is a task, and the handles are awaited one after another")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR_TIME]),
    Variant::new("bounded", Kind::Fix, |cx| drive(cx, bounded::process_all))
        .about("buffer_unordered(64) keeps at most 64 uploads in flight")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR]),
    Variant::new("bounded-1024", Kind::Fix, |cx| drive(cx, bounded::process_more))
        .about("buffer_unordered(1024) keeps at most 1 024 uploads in flight")
        .claims(&[
            ENDS,
            ALL_DONE,
            Claim::metric(
                "each upload is polled about once for every 128 uploads in flight",
                "polls_per_op",
            )
            .at_most(12.0),
            LINEAR,
        ]),
    Variant::new("unconstrained", Kind::Fix, |cx| drive(cx, unconstrained::process_all))
        .about("the faulty code polls every upload outside the task budget")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR]),
    Variant::new("tight-limiter", Kind::Fix, tight_limiter)
        .about("a limiter admits 64 uploads at a time, which fixes the faulty code by accident")
        .claims(&[ENDS, ALL_DONE, FEW_POLLS, LINEAR]),
    Variant::new("spawn-join-all", Kind::Trap, spawn_join_all)
        .about("each upload is a task, and join_all awaits the handles, with one more worker")
        .claims(&[
            ENDS,
            ALL_DONE,
            Claim::metric("each upload is polled once", "polls_per_op").at_most(1.5),
            Claim::growth(
                "eight times the uploads take far more than eight times the CPU time",
                "cpu_ms",
                8,
            )
            .at_least(14.0),
            Claim::exponent_up_to(
                "CPU time grows with the square of the number of uploads",
                "cpu_ms",
                320_000,
            )
            .at_least(1.7),
        ])
        .truth(quadratic("scenario_unordered::spawn_join_all::process_all")),
    Variant::new("join-all", Kind::Trap, |cx| drive(cx, join_all::process_all))
        .about("join_all awaits the uploads themselves, and is FuturesUnordered inside")
        .claims(&[ENDS, ALL_DONE, MANY_POLLS, POLLS_GROW, QUADRATIC])
        .truth(quadratic("scenario_unordered::join_all::process_all")),
    Variant::new("bounded-by-n", Kind::Trap, |cx| drive(cx, bounded_by_n::process_all))
        .about("buffer_unordered(n) has a bound as large as the batch")
        .claims(&[ENDS, ALL_DONE, MANY_POLLS, POLLS_GROW, QUADRATIC])
        .truth(quadratic("scenario_unordered::bounded_by_n::process_all")),
    Variant::new("few", Kind::Decoy, few)
        .about("the faulty code processes a hundred uploads, fewer than the task budget")
        .claims(&[
            ENDS,
            ALL_DONE,
            Claim::metric("each upload is polled once", "polls_per_op").at_most(1.5),
        ]),
];

/// The faulty code with a limiter for 64 uploads. An upload that is refused for lack of budget
/// already holds its permit, so at most 64 are refused and woken at a time. The others wait for a
/// permit and are not woken before they get one.
fn tight_limiter(cx: &Cx) -> anyhow::Result<()> {
    let limit = 64 * uploads::BYTES;
    drive_with(
        cx,
        Service { workers: cx.load().workers, uploads: cx.load().size, limit },
        buggy::process_all,
    )
}

/// Runs with one more worker than the load has. On a single worker the upload tasks run before the
/// task that joins them is polled again, and few polls of handles are in vain.
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
