//! Greedy: an API whose small requests share a runtime with a batch import that never yields.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists the other fixes, and traps.

pub mod await_more;
pub mod backlog;
pub mod buggy;
pub mod busy_but_fair;
pub mod consume_budget;
pub mod drive;
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
    "a batch import that never yields starves the requests on its runtime",
    VARIANTS,
)
.chapter("greedy")
.load(Load { warmup_ms: 300, size: 16_000, ..Load::DEFAULT })
.brief_ms(2_000)
.check(check)
.ledger(ledger::COMMON_CLAIMS)
.controls(CONTROLS);

const ENDS: Claim = Claim::ending("the import ends", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every request is answered", "completed", "offered").equal(1.0);
const STORES_ALL: Claim =
    Claim::share("every message is stored", "messages_stored", "messages_waiting").equal(1.0);
const STARVES: Claim =
    Claim::share("a request waits for most of the import", "wait_max_us", "import_us")
        .at_least(0.5);

// In faulty variants the p99 of the wait is the whole import, in fixes at most a fiftieth of it.
const NO_STARVATION: Claim =
    Claim::share("almost no request waits for the import", "wait_p99_us", "import_us")
        .at_most(0.25);

/// A frame of every stack of a worker. The pacer spins on a thread without it.
const WORKER: &str = "tokio::runtime::scheduler::multi_thread::worker";

/// The root frame of the waiting of requests, in the view `sched blame`.
const WAITS: &str = "requests waits";

/// The answer for an import that never yields. It holds for loads with one worker: a second worker
/// would serve the requests. `more-workers` adds one import and one worker to the load, so with two
/// workers in the load a third one would be free.
const fn long_poll(function: &'static str) -> Truth {
    Truth::new(Cause::LongPoll, function).at_most_workers(1)
}

const FAR_LESS_WAITING: Claim =
    Claim::ratio("requests wait far less than in the buggy variant", "wait_p99_us", "buggy")
        .at_most(0.25);

const GROWS_WITH_SIZE: Claim =
    Claim::growth("the p90 response grows with the size of the messages", "response_p90_us", 10)
        .at_least(5.0);

const FAR_SHORTER: &str = "the p90 response is far shorter than with a yield every 100 messages";

const CONTROLS: &[Control] = &[
    Control { trap: "spawn-it", pretends: FAR_LESS_WAITING },
    Control { trap: "await-more", pretends: FAR_LESS_WAITING },
    Control { trap: "more-workers", pretends: FAR_LESS_WAITING },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::import))
        .about("the import is one loop, and its .await is always ready")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            STARVES,
            Claim::ratio(
                "the p99 response is many times that with a yield every 100 messages",
                "response_p99_us",
                "fixed",
            )
            .at_least(25.0),
            Claim::ratio(
                "the p99 response is many times that with spawn_blocking",
                "response_p99_us",
                "offload",
            )
            .at_least(50.0),
            Claim::stacks(
                "the worker spends nearly all of its CPU time in the import",
                "cpu",
                WORKER,
                &["buggy::import"],
            )
            .at_least(0.8),
            Claim::stacks(
                "the CPU profile shows the JSON parser below the import",
                "cpu",
                "buggy::import",
                &["serde_json"],
            )
            .at_least(0.3),
            Claim::stacks(
                "the scheduler profile blames the import for the waiting of requests",
                "sched blame",
                WAITS,
                &["buggy::import"],
            )
            .at_least(0.7),
        ])
        .truth(long_poll("scenario_greedy::buggy::import")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::import))
        .about("the import yields after every 100 messages")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NO_STARVATION,
            GROWS_WITH_SIZE,
            Claim::stacks(
                "a CPU profile of the worker shows the import, as in the buggy variant",
                "cpu",
                WORKER,
                &["fixed::import"],
            )
            .at_least(0.6),
        ]),
    Variant::new("consume-budget", Kind::Fix, |cx| drive(cx, consume_budget::import))
        .about("the import consumes a unit of task budget a message, so it yields after 128")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NO_STARVATION,
            Claim::ratio(
                "the p90 response is hardly shorter than with a yield every 100 messages",
                "response_p90_us",
                "fixed",
            )
            .at_least(0.5),
            GROWS_WITH_SIZE,
        ]),
    Variant::new("time-slice", Kind::Fix, |cx| drive(cx, time_slice::import))
        .about("the import yields when its slice of 1 ms is used up")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NO_STARVATION,
            Claim::ratio(FAR_SHORTER, "response_p90_us", "fixed").at_most(0.5),
            Claim::growth(
                "the p90 response grows far less than the size of the messages",
                "response_p90_us",
                10,
            )
            .at_most(4.0),
        ]),
    Variant::new("tokio-mutex", Kind::Fix, |cx| drive(cx, tokio_mutex::import))
        .about("the store is behind a tokio mutex, which consumes task budget")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NO_STARVATION,
            Claim::ratio("locking a free tokio mutex is a yield point", "response_p99_us", "buggy")
                .at_most(0.2),
        ]),
    Variant::new("offload", Kind::Fix, |cx| drive(cx, offload::import))
        .about("the import runs on a thread of the blocking pool")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NO_STARVATION,
            Claim::ratio(FAR_SHORTER, "response_p90_us", "fixed").at_most(0.25),
        ]),
    Variant::new("spawn-it", Kind::Trap, |cx| drive(cx, spawn_it::import))
        .about("the same loop runs in a task of its own")
        .claims(&[ENDS, ANSWERS_ALL, STORES_ALL, STARVES])
        .truth(long_poll("scenario_greedy::spawn_it::import")),
    Variant::new("await-more", Kind::Trap, |cx| drive(cx, await_more::import))
        .about("the loop has one more .await, which is always ready too")
        .claims(&[ENDS, ANSWERS_ALL, STORES_ALL, STARVES])
        .truth(long_poll("scenario_greedy::await_more::import")),
    Variant::new("more-workers", Kind::Trap, more_workers)
        .about("the runtime has one more worker, and a second import occupies it")
        .claims(&[ENDS, ANSWERS_ALL, STORES_ALL, STARVES])
        .truth(long_poll("scenario_greedy::buggy::import")),
    Variant::new("busy-but-fair", Kind::Decoy, busy_but_fair)
        .about("many short tasks keep the worker as busy as the import does")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            STORES_ALL,
            NO_STARVATION,
            Claim::ratio(
                "the process uses as much CPU time as in the buggy variant",
                "cpu_us_per_op",
                "buggy",
            )
            .at_least(0.5),
        ]),
    Variant::new("slow-upstream", Kind::Decoy, drive_upstream)
        .about("requests take long because they wait for a timer")
        .claims(&[
            Claim::ending("the run ends", Ending::Finished),
            ANSWERS_ALL,
            Claim::metric("requests take long from their first poll on", "service_p50_us")
                .at_least(40_000.0),
            Claim::share(
                "requests spend little of that time waiting for a worker",
                "wait_p90_us",
                "response_p90_us",
            )
            .at_most(0.2),
        ]),
];

/// Runs the buggy import twice, on one more worker than the load has.
fn more_workers(cx: &Cx) -> anyhow::Result<()> {
    let backlog = Backlog::of(cx.load(), cx.load().size)?;
    drive_with(cx, cx.load().workers + 1, vec![backlog.clone(), backlog], buggy::import)
}

/// Imports the same volume in messages of a sixteenth of the size.
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
