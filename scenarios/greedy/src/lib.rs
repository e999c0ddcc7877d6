//! Greedy: an API whose small requests share a runtime with a batch import that never lets go of
//! its worker.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists what else people do about it.

pub mod await_more;
pub mod backlog;
pub mod buggy;
pub mod busy_but_fair;
pub mod consume_budget;
mod drive;
pub mod fixed;
mod ledger;
pub mod offload;
pub mod shop;
pub mod spawn_it;
pub mod time_slice;
pub mod tokio_mutex;

use backlog::Backlog;
use drive::{drive, drive_upstream, drive_with};
use lab_kit::{Cause, Claim, Control, Cx, Ending, Input, Kind, Load, Scenario, Truth, Variant};

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario::new(
    "greedy",
    "a batch import that never yields starves the requests of its runtime",
    VARIANTS,
)
.chapter("greedy")
.load(Load { warmup_ms: 300, size: 16_000, ..Load::DEFAULT })
.brief_ms(2_000)
.check(check)
.ledger(ledger::SAYINGS)
.controls(CONTROLS);

const ENDS: Claim = Claim::ending("the import ends", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every request is answered", "completed", "offered").equal(1.0);
const STORES_ALL: Claim =
    Claim::share("no message is left out", "messages_stored", "messages_waiting").equal(1.0);
const STARVES: Claim =
    Claim::share("a request waits for most of the import", "wait_max_us", "import_us")
        .at_least(0.5);

// The faulty ones wait for all of it, the fixes for a fiftieth at most.
const NOBODY_STARVES: Claim =
    Claim::share("hardly a request waits for the import", "wait_p99_us", "import_us").at_most(0.25);

/// Stacks of a worker have this in them; those of the pacer, which spins, do not.
const WORKER: &str = "tokio::runtime::scheduler::multi_thread::worker";

/// Waiting of requests is under this name.
const WAITS: &str = "requests waits";

/// Where an import that starves others spends its polls. With two workers the other one takes the
/// requests. `more-workers` has an import more and a worker more than the load: with two of the
/// load's a third is free.
const fn long_poll(function: &'static str) -> Truth {
    Truth::new(Cause::LongPoll, function).at_most_workers(1)
}

const FAR_LESS_WAITING: Claim =
    Claim::ratio("requests wait far less than with the bug", "wait_p99_us", "buggy").at_most(0.25);

const CONTROLS: &[Control] = &[
    Control { trap: "spawn-it", pretends: FAR_LESS_WAITING },
    Control { trap: "await-more", pretends: FAR_LESS_WAITING },
    Control { trap: "more-workers", pretends: FAR_LESS_WAITING },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::import))
        .about("one loop over the backlog; its only .await is always ready")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            STARVES,
            Claim::ratio("its tail is far above a yield every 100", "response_p99_us", "fixed")
                .at_least(25.0),
            Claim::ratio("and out of sight of spawn_blocking", "response_p99_us", "offload")
                .at_least(50.0),
            Claim::stacks(
                "its worker computes the import and hardly anything else",
                "cpu",
                WORKER,
                &["buggy::import"],
            )
            .at_least(0.8),
            Claim::stacks("parsing is in it by name", "cpu", "buggy::import", &["serde_json"])
                .at_least(0.3),
            Claim::stacks(
                "what the requests wait for is it, by its function",
                "sched blame",
                WAITS,
                &["buggy::import"],
            )
            .at_least(0.7),
        ])
        .truth(long_poll("scenario_greedy::buggy::import")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::import))
        .about("yields after every 100 messages")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NOBODY_STARVES,
            Claim::growth("counts messages: larger ones are far worse", "response_p90_us", 10)
                .at_least(5.0),
            Claim::stacks(
                "a CPU profile of its worker looks like the faulty one",
                "cpu",
                WORKER,
                &["fixed::import"],
            )
            .at_least(0.6),
        ]),
    Variant::new("consume-budget", Kind::Fix, |cx| drive(cx, consume_budget::import))
        .about("spends the task budget once per message: yields after 128")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NOBODY_STARVES,
            Claim::ratio("hardly better than counting to 100 by hand", "response_p90_us", "fixed")
                .at_least(0.5),
            Claim::growth("counts messages: larger ones are far worse", "response_p90_us", 10)
                .at_least(5.0),
        ]),
    Variant::new("time-slice", Kind::Fix, |cx| drive(cx, time_slice::import))
        .about("yields when its slice of 1 ms is used up")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NOBODY_STARVES,
            Claim::ratio("far below counting to 100", "response_p90_us", "fixed").at_most(0.5),
            Claim::growth("counts time: larger messages hardly matter", "response_p90_us", 10)
                .at_most(4.0),
        ]),
    Variant::new("tokio-mutex", Kind::Fix, |cx| drive(cx, tokio_mutex::import))
        .about("takes tokio's own lock for the store, which spends the budget too")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NOBODY_STARVES,
            Claim::ratio(
                "a free tokio lock is a yield point after all",
                "response_p99_us",
                "buggy",
            )
            .at_most(0.2),
        ]),
    Variant::new("offload", Kind::Fix, |cx| drive(cx, offload::import))
        .about("runs the import on a thread of the blocking pool")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NOBODY_STARVES,
            Claim::ratio("far below counting to 100", "response_p90_us", "fixed").at_most(0.25),
        ]),
    Variant::new("spawn-it", Kind::Trap, |cx| drive(cx, spawn_it::import))
        .about("moves the same loop into a task of its own")
        .claims(&[ENDS, ANSWERS_ALL, STORES_ALL, STARVES])
        .truth(long_poll("scenario_greedy::spawn_it::import")),
    Variant::new("await-more", Kind::Trap, |cx| drive(cx, await_more::import))
        .about("adds an .await that is always ready to every turn of the loop")
        .claims(&[ENDS, ANSWERS_ALL, STORES_ALL, STARVES])
        .truth(long_poll("scenario_greedy::await_more::import")),
    Variant::new("more-workers", Kind::Trap, more_workers)
        .about("adds a worker, and the next import takes it")
        .claims(&[ENDS, ANSWERS_ALL, STORES_ALL, STARVES])
        .truth(long_poll("scenario_greedy::buggy::import")),
    Variant::new("busy-but-fair", Kind::Decoy, busy_but_fair)
        .about("keeps the worker as busy, with many short tasks")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NOBODY_STARVES,
            Claim::ratio("the worker is as busy as with the bug", "cpu_us_per_op", "buggy")
                .at_least(0.5),
        ]),
    Variant::new("slow-upstream", Kind::Decoy, drive_upstream)
        .about("answers slowly, because it waits for a timer")
        .claims(&[
            Claim::ending("it ends", Ending::Finished),
            ANSWERS_ALL,
            Claim::metric("answers are slow", "service_p50_us").at_least(40_000.0),
            Claim::share("and the slowness is no waiting", "wait_p90_us", "response_p90_us")
                .at_most(0.2),
        ]),
];

/// The buggy import twice, on one worker more.
fn more_workers(cx: &Cx) -> anyhow::Result<()> {
    let backlog = Backlog::of(cx.load(), cx.load().size)?;
    drive_with(cx, cx.load().workers + 1, vec![backlog.clone(), backlog], buggy::import)
}

/// The same volume in messages of a sixteenth of the size.
fn busy_but_fair(cx: &Cx) -> anyhow::Result<()> {
    let backlog = Backlog::of(cx.load(), (cx.load().size / 16).max(512))?;
    drive_with(cx, cx.load().workers, vec![backlog], busy_but_fair::import)
}

fn check(load: &Load) -> anyhow::Result<()> {
    lab_kit::only_input(load, &[Input::Messages])?;
    anyhow::ensure!(
        (1_024..=4 << 20).contains(&load.size),
        "an order has between 1024 bytes and 4 MiB: try --size 16kB"
    );
    match &load.messages {
        Some(file) => backlog::check(file, |_| ()),
        None => Ok(()),
    }
}
