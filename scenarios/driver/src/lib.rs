//! Driver: a service that sees no request while one worker computes and the other one sleeps.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists the other fixes, and traps.

pub mod buggy;
pub mod drive;
pub mod fixed;
mod ledger;
pub mod poked;
pub mod portfolio;
pub mod sliced;
pub mod spawned;

use drive::{drive, drive_on, drive_upstream};
use lab_kit::{Cause, Claim, Control, Cx, Ending, Kind, Load, Metric, Scenario, Truth, Variant};
use portfolio::Portfolio;

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario::new(
    "driver",
    "requests wait for a worker that computes, while the other worker sleeps",
    VARIANTS,
)
.chapter("scheduling")
.load(Load {
    rate: 200.0,
    workers: 2,
    duration_ms: 2_500,
    warmup_ms: 100,
    drain_ms: 1_500,
    patience_ms: 6_000,
    ..Load::DEFAULT
})
.check(check)
.ledger(ledger::COMMON_CLAIMS)
.metrics(METRICS)
.controls(CONTROLS);

const METRICS: &[Metric] =
    &[Metric::higher("valuations", "valuations", 0.05, "valuations of the portfolio")
        .before_deadline()];

const ENDS: Claim = Claim::ending("the run ends", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every request is answered", "completed", "offered").equal(1.0);
const VALUES: Claim = Claim::metric("the portfolio is valued", "valuations").at_least(1.0);
const STARVES: Claim =
    Claim::share("a request waits for most of a valuation", "wait_max_us", "valuation_us")
        .at_least(0.5);

// In faulty variants more than half of all requests come during a valuation, and the p90 of the
// wait is most of one.
const NO_STARVATION: Claim =
    Claim::share("almost no request waits for a valuation", "wait_p90_us", "valuation_us")
        .at_most(0.2);

/// What every healthy variant keeps.
const HEALTHY: &[Claim] = &[ENDS, ANSWERS_ALL, VALUES, NO_STARVATION];

const CONTROLS: &[Control] = &[
    Control { trap: "more-workers", pretends: NO_STARVATION },
    Control { trap: "spawned", pretends: NO_STARVATION },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::revalue))
        .about("a task computes on the worker that looks for input, and the other one sleeps")
        .claims(&[ENDS, ANSWERS_ALL, VALUES, STARVES])
        .truth(Truth::new(Cause::DriverStarvation, "scenario_driver::buggy::revalue")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::revalue))
        .about("the portfolio is valued on a thread of the blocking pool")
        .claims(HEALTHY),
    Variant::new("eager", Kind::Fix, eager)
        .about("a worker that begins to poll wakes another one to look for input (unstable)")
        .claims(HEALTHY),
    Variant::new("sliced", Kind::Fix, |cx| drive(cx, sliced::revalue))
        .about("the task yields after each millisecond of a valuation")
        .claims(HEALTHY),
    Variant::new("poked", Kind::Fix, poked)
        .about("a thread wakes a task every 2 ms, and so the other worker")
        .claims(HEALTHY),
    Variant::new("more-workers", Kind::Trap, more_workers)
        .about("the runtime has twice as many workers")
        .claims(&[ENDS, ANSWERS_ALL, VALUES, STARVES])
        .truth(Truth::new(Cause::DriverStarvation, "scenario_driver::buggy::revalue")),
    Variant::new("spawned", Kind::Trap, |cx| drive(cx, spawned::revalue))
        .about("each valuation is a task of its own")
        .claims(&[ENDS, ANSWERS_ALL, VALUES, STARVES])
        .truth(Truth::new(Cause::DriverStarvation, "scenario_driver::spawned::value")),
    Variant::new("small-portfolio", Kind::Decoy, small_portfolio)
        .about("the faulty task with valuations of a millisecond, one after the other")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            VALUES,
            Claim::ratio(
                "requests wait far less than in the buggy variant",
                "wait_p90_us",
                "buggy",
            )
            .at_most(0.2),
        ]),
    Variant::new("slow-upstream", Kind::Decoy, |cx| drive_upstream(cx, fixed::revalue))
        .about("the fixed task, beside requests that wait for a price feed")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            VALUES,
            NO_STARVATION,
            Claim::metric("requests take long from their first poll on", "service_p50_us")
                .at_least(50_000.0),
        ]),
];

/// Runs the faulty task on a runtime whose workers hand the driver on.
fn eager(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.enable_eager_driver_handoff();
    drive_on(cx.build(builder)?, cx, Portfolio::large(), buggy::revalue)
}

/// Runs the faulty task on twice as many workers as the load has.
fn more_workers(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.worker_threads(2 * cx.load().workers);
    drive_on(cx.build(builder)?, cx, Portfolio::large(), buggy::revalue)
}

/// Runs the faulty task beside a thread that wakes a task.
fn poked(cx: &Cx) -> anyhow::Result<()> {
    let runtime = cx.build(cx.runtime())?;
    poked::poke(runtime.handle())?;
    drive_on(runtime, cx, Portfolio::large(), buggy::revalue)
}

fn small_portfolio(cx: &Cx) -> anyhow::Result<()> {
    drive_on(cx.build(cx.runtime())?, cx, Portfolio::small(), buggy::revalue)
}

/// A single worker has no other one to hand the driver to: what starves its requests is a long
/// poll, the fault of another scenario.
fn check(load: &Load) -> anyhow::Result<()> {
    lab_kit::no_input(load)?;
    anyhow::ensure!(
        load.workers >= 2,
        "the fault needs a worker that sleeps: try --workers 2, or the scenario greedy"
    );
    Ok(())
}
