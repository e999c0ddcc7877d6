//! Shutdown: a service with requests in flight is told to stop.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists what else people do about it.

pub mod abort_all;
pub mod background;
pub mod buggy;
mod drive;
pub mod drop_in_pool;
pub mod fixed;
pub mod greedy_tenant;
pub mod in_task;
mod ledger;
pub mod service;
pub mod timeout_in_pool;
pub mod timeout_inside;

use drive::{drive, drive_slow, drive_with};
use lab_kit::{Cause, Claim, Column, Control, Ending, Kind, Load, Metric, Scenario, Truth, Variant};

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario {
    name: "shutdown",
    summary: "a runtime waits for itself to end",
    chapter: "shutdown",
    load: Load { rate: 500.0, warmup_ms: 100, duration_ms: 500, drain_ms: 1_000, patience_ms: 3_000, ..Load::DEFAULT },
    brief_ms: 500,
    primary: "quiesce_us",
    columns: &[
        Column::new("quiesce_us", "quiesce"),
        Column::new("accepted", "accepted"),
        Column::new("completed", "answered"),
        Column::new("lost", "lost"),
        Column::new("tasks_left", "tasks left"),
    ],
    metrics: METRICS,
    check: lab_kit::no_input,
    ledger: ledger::SAYINGS,
    controls: CONTROLS,
    variants: VARIANTS,
};

const METRICS: &[Metric] = &[
    Metric::lower("quiesce_us", "us", 0.15, "time to quiesce"),
    Metric::lower("tasks_left", "tasks", 0.05, "tasks left when the service stopped").may_be_zero(),
];

const ENDS: Claim = Claim::ending("the process ends", Ending::Finished);
const HANGS: Claim = Claim::ending("the process never ends", Ending::Hung);
const ANSWERS_ALL: Claim = Claim::share("everything accepted is answered", "completed", "accepted").equal(1.0);
const LOSES_NONE: Claim = Claim::metric("no request is lost", "lost").equal(0.0);
const LOSES: Claim = Claim::metric("accepted requests are lost", "lost").at_least(1.0);
const NO_TASK_LEFT: Claim = Claim::metric("no task is left", "tasks_left").equal(0.0);
const TASKS_LEFT: Claim = Claim::metric("a task is left", "tasks_left").at_least(1.0);
const UNCOUNTED: Claim = Claim::metric("and tokio's own count does not show it", "tokio_tasks_left").equal(0.0);
const STALLS: Claim =
    Claim::share("ending takes the whole deadline", "quiesce_us", "shutdown_deadline_us").at_least(0.95);
const NO_STALL: Claim =
    Claim::share("ending takes less than the deadline", "quiesce_us", "shutdown_deadline_us").at_most(0.9);

const fn faulty(cause: Cause, function: &'static str) -> Option<Truth> {
    Some(Truth { cause, function, workers: None })
}

const CONTROLS: &[Control] = &[
    Control { trap: "in-task", pretends: ENDS },
    Control { trap: "timeout-inside", pretends: NO_STALL },
    Control { trap: "drop-in-pool", pretends: ENDS },
    Control { trap: "timeout-in-pool", pretends: NO_STALL },
    Control { trap: "abort-all", pretends: LOSES_NONE },
    Control { trap: "greedy-tenant", pretends: ENDS },
];

const VARIANTS: &[Variant] = &[
    Variant {
        name: "buggy",
        kind: Kind::Buggy,
        about: "a task of the runtime drops its last owner in block_in_place",
        run: |cx| drive(cx, buggy::serve),
        claims: &[
            HANGS,
            ANSWERS_ALL,
            LOSES_NONE,
            TASKS_LEFT,
            UNCOUNTED,
            Claim::stacks("a poll waits in the end of its own runtime", "stall off-CPU", "", &["buggy::serve", "drop"])
                .at_least(0.5),
        ],
        truth: faulty(Cause::SelfShutdown, "scenario_shutdown::buggy::serve"),
    },
    Variant {
        name: "fixed",
        kind: Kind::Fixed,
        about: "the main thread drains it and ends its runtime with a deadline",
        run: |cx| drive(cx, fixed::serve),
        claims: &[ENDS, ANSWERS_ALL, LOSES_NONE, NO_TASK_LEFT, NO_STALL],
        truth: None,
    },
    Variant {
        name: "background",
        kind: Kind::Fix,
        about: "a task calls shutdown_background, at the price of what is in flight",
        run: |cx| drive(cx, background::serve),
        claims: &[ENDS, LOSES, NO_STALL],
        // It ends, and that is what it is a fix for; what it cuts off is its price, and nobody should call that healthy.
        truth: faulty(Cause::AbortedWork, "scenario_shutdown::background::serve"),
    },
    Variant {
        name: "in-task",
        kind: Kind::Trap,
        about: "shutdown_timeout from async code, which panics",
        run: |cx| drive(cx, in_task::serve),
        claims: &[Claim::ending("the supervisor panics, and with it the service fails", Ending::Failed), LOSES],
        truth: faulty(Cause::SelfShutdown, "scenario_shutdown::in_task::serve"),
    },
    Variant {
        name: "timeout-inside",
        kind: Kind::Trap,
        about: "shutdown_timeout in block_in_place, which waits for its caller",
        run: |cx| drive(cx, timeout_inside::serve),
        claims: &[ENDS, ANSWERS_ALL, LOSES_NONE, STALLS],
        truth: faulty(Cause::SelfShutdown, "scenario_shutdown::timeout_inside::serve"),
    },
    Variant {
        name: "drop-in-pool",
        kind: Kind::Trap,
        about: "the last owner is dropped inside spawn_blocking",
        run: |cx| drive(cx, drop_in_pool::serve),
        claims: &[HANGS, ANSWERS_ALL, LOSES_NONE],
        truth: faulty(Cause::SelfShutdown, "scenario_shutdown::drop_in_pool::serve"),
    },
    Variant {
        name: "timeout-in-pool",
        kind: Kind::Trap,
        about: "shutdown_timeout inside spawn_blocking, which waits for its caller",
        run: |cx| drive(cx, timeout_in_pool::serve),
        claims: &[ENDS, ANSWERS_ALL, LOSES_NONE, STALLS],
        truth: faulty(Cause::SelfShutdown, "scenario_shutdown::timeout_in_pool::serve"),
    },
    Variant {
        name: "abort-all",
        kind: Kind::Trap,
        about: "the main thread aborts what is in flight, and ends at once",
        run: |cx| drive(cx, abort_all::serve),
        claims: &[ENDS, LOSES, NO_TASK_LEFT, NO_STALL],
        truth: faulty(Cause::AbortedWork, "scenario_shutdown::abort_all::serve"),
    },
    Variant {
        name: "greedy-tenant",
        kind: Kind::Trap,
        about: "the main thread drops the runtime without a deadline, and a task never yields",
        run: |cx| drive_with(cx, cx.load().workers + 1, drive::TAKES, greedy_tenant::serve),
        claims: &[HANGS, ANSWERS_ALL, LOSES_NONE, TASKS_LEFT, UNCOUNTED],
        truth: faulty(Cause::NeverYields, "scenario_shutdown::greedy_tenant::crunch"),
    },
    Variant {
        name: "slow-drain",
        kind: Kind::Decoy,
        about: "the fix, with requests that take long and are allowed to",
        run: |cx| drive_slow(cx, fixed::serve),
        claims: &[
            ENDS,
            ANSWERS_ALL,
            LOSES_NONE,
            NO_TASK_LEFT,
            Claim::metric("slow, and right", "quiesce_us").at_least(400_000.0),
        ],
        truth: None,
    },
];
