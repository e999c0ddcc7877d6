//! Shutdown: a service is stopped while requests are in flight.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists the other fixes, and traps.

pub mod abort_all;
pub mod background;
pub mod buggy;
pub mod drive;
pub mod drop_in_pool;
pub mod fixed;
pub mod greedy_tenant;
pub mod in_task;
mod ledger;
pub mod service;
pub mod timeout_in_pool;
pub mod timeout_inside;

use drive::{drive, drive_slow, drive_with};
use lab_kit::{
    Cause, Claim, Column, Control, Ending, Kind, Load, Metric, Scenario, Truth, Variant,
};

/// The scenario and its variants.
pub static SCENARIO: Scenario =
    Scenario::new("shutdown", "a task shuts down its own runtime, which waits for it", VARIANTS)
        .chapter("shutdown")
        .load(Load {
            rate: 500.0,
            warmup_ms: 100,
            duration_ms: 500,
            drain_ms: 1_000,
            patience_ms: 3_000,
            ..Load::DEFAULT
        })
        .primary("quiesce_us")
        .columns(&[
            Column::new("quiesce_us", "quiesce"),
            Column::new("accepted", "accepted"),
            Column::new("completed", "answered"),
            Column::new("lost", "lost"),
            Column::new("tasks_left", "tasks left"),
        ])
        .ledger(ledger::COMMON_CLAIMS)
        .metrics(METRICS)
        .controls(CONTROLS);

const METRICS: &[Metric] = &[
    Metric::lower("quiesce_us", "us", 0.15, "time to quiesce"),
    Metric::lower("tasks_left", "tasks", 0.05, "tasks left when the service stopped").may_be_zero(),
];

const ENDS: Claim = Claim::ending("the process ends", Ending::Finished);
const HANGS: Claim = Claim::ending("the process never ends", Ending::Hung);
const ANSWERS_ALL: Claim =
    Claim::share("every accepted request is answered", "completed", "accepted").equal(1.0);
const LOSES_NONE: Claim = Claim::metric("no request is lost", "lost").equal(0.0);
const LOSES: Claim = Claim::metric("accepted requests are lost", "lost").at_least(1.0);
const NO_TASK_LEFT: Claim =
    Claim::metric("no task of the service is left", "tasks_left").equal(0.0);
const TASKS_LEFT: Claim =
    Claim::metric("a task of the service is left", "tasks_left").at_least(1.0);
const UNCOUNTED: Claim =
    Claim::metric("tokio's count of live tasks is zero", "tokio_tasks_left").equal(0.0);
const STALLS: Claim =
    Claim::share("the shutdown takes its whole deadline", "quiesce_us", "shutdown_deadline_us")
        .at_least(0.95);
const NO_STALL: Claim =
    Claim::share("the shutdown takes less than its deadline", "quiesce_us", "shutdown_deadline_us")
        .at_most(0.9);

const CONTROLS: &[Control] = &[
    Control { trap: "in-task", pretends: ENDS },
    Control { trap: "timeout-inside", pretends: NO_STALL },
    Control { trap: "drop-in-pool", pretends: ENDS },
    Control { trap: "timeout-in-pool", pretends: NO_STALL },
    Control { trap: "abort-all", pretends: LOSES_NONE },
    Control { trap: "greedy-tenant", pretends: ENDS },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::serve))
        .about("a task drops the last owner of its own runtime")
        .claims(&[
            HANGS,
            ANSWERS_ALL,
            LOSES_NONE,
            TASKS_LEFT,
            UNCOUNTED,
            Claim::stacks(
                "a poll is blocked in the shutdown of its own runtime",
                "stall off-CPU",
                "",
                &["buggy::serve", "drop"],
            )
            .at_least(0.5),
        ])
        .truth(Truth::new(Cause::SelfShutdown, "scenario_shutdown::buggy::serve")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::serve))
        .about("main drains requests, then shuts down with a deadline")
        .claims(&[ENDS, ANSWERS_ALL, LOSES_NONE, NO_TASK_LEFT, NO_STALL]),
    Variant::new("background", Kind::Fix, |cx| drive(cx, background::serve))
        .about("a task calls shutdown_background, which loses requests in flight")
        .claims(&[ENDS, LOSES, NO_STALL])
        // A fix for the hang. But it loses requests, so a diagnosis must not call it healthy.
        .truth(Truth::new(Cause::AbortedWork, "scenario_shutdown::background::serve")),
    Variant::new("in-task", Kind::Trap, |cx| drive(cx, in_task::serve))
        .about("a task calls shutdown_timeout in async code, which panics")
        .claims(&[
            Claim::ending("the supervisor task panics, so the service fails", Ending::Failed),
            LOSES,
        ])
        .truth(Truth::new(Cause::SelfShutdown, "scenario_shutdown::in_task::serve")),
    Variant::new("timeout-inside", Kind::Trap, |cx| drive(cx, timeout_inside::serve))
        .about("a task calls shutdown_timeout in block_in_place, which waits for that task")
        .claims(&[ENDS, ANSWERS_ALL, LOSES_NONE, STALLS])
        .truth(Truth::new(Cause::SelfShutdown, "scenario_shutdown::timeout_inside::serve")),
    Variant::new("drop-in-pool", Kind::Trap, |cx| drive(cx, drop_in_pool::serve))
        .about("a thread of the blocking pool drops the last owner of the runtime")
        .claims(&[HANGS, ANSWERS_ALL, LOSES_NONE])
        .truth(Truth::new(Cause::SelfShutdown, "scenario_shutdown::drop_in_pool::serve")),
    Variant::new("timeout-in-pool", Kind::Trap, |cx| drive(cx, timeout_in_pool::serve))
        .about("a thread of the blocking pool calls shutdown_timeout, which waits for that thread")
        .claims(&[ENDS, ANSWERS_ALL, LOSES_NONE, STALLS])
        .truth(Truth::new(Cause::SelfShutdown, "scenario_shutdown::timeout_in_pool::serve")),
    Variant::new("abort-all", Kind::Trap, |cx| drive(cx, abort_all::serve))
        .about("the main thread aborts requests in flight and ends the runtime at once")
        .claims(&[ENDS, LOSES, NO_TASK_LEFT, NO_STALL])
        .truth(Truth::new(Cause::AbortedWork, "scenario_shutdown::abort_all::serve")),
    Variant::new("greedy-tenant", Kind::Trap, |cx| {
        drive_with(cx, cx.load().workers + 1, drive::TAKES, greedy_tenant::serve)
    })
    .about("the main thread drops the runtime without a deadline while a task never yields")
    .claims(&[HANGS, ANSWERS_ALL, LOSES_NONE, TASKS_LEFT, UNCOUNTED])
    .truth(Truth::new(Cause::NeverYields, "scenario_shutdown::greedy_tenant::crunch")),
    Variant::new("slow-drain", Kind::Decoy, |cx| drive_slow(cx, fixed::serve))
        .about("the fixed code drains requests that take long")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            LOSES_NONE,
            NO_TASK_LEFT,
            Claim::metric("the shutdown waits for the slow requests", "quiesce_us")
                .at_least(400_000.0),
        ]),
];
