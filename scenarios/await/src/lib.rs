//! Await: a service whose requests wait for ever while every worker is idle.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists the other fixes, and traps.

pub mod both_polled;
pub mod buffered;
pub mod buggy;
pub mod drive;
pub mod fixed;
pub mod journal;
mod ledger;
pub mod longer_patience;
pub mod one_connection;
pub mod pool;
pub mod spawned;
pub mod two_connections;
pub mod upstream;

use drive::{disk, drive};
use journal::{Journal, Order};
use lab_kit::{
    Cause, Claim, Column, Control, Cx, Ending, Kind, Load, Metric, Scenario, Truth, Variant,
};
use pool::Pool;
use std::sync::Arc;
use upstream::SocketService;

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario::new(
    "await",
    "requests wait for ever for a lock that nobody polls, while every worker is idle",
    VARIANTS,
)
.chapter("await")
.load(Load {
    rate: 300.0,
    duration_ms: 2_500,
    warmup_ms: 100,
    drain_ms: 1_000,
    patience_ms: 8_000,
    ..Load::DEFAULT
})
.brief_ms(1_500)
.columns(&[
    Column::new("completed", "answered"),
    Column::new("unfinished", "unanswered"),
    Column::new("errors", "errors"),
    Column::new("orders_recorded", "recorded"),
    Column::new("response_p50_us", "p50"),
    Column::new("runtime_freeze_us", "freeze"),
])
.ledger(ledger::COMMON_CLAIMS)
.metrics(METRICS)
.controls(CONTROLS);

const METRICS: &[Metric] =
    &[Metric::higher("orders_recorded", "orders", 0.05, "orders that are on the disk")];

const ENDS: Claim = Claim::ending("the run ends", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every order is answered", "completed", "offered").equal(1.0);
const STOPS: Claim =
    Claim::share("most orders are never answered", "completed", "offered").at_most(0.5);
const STOPS_LATER: Claim =
    Claim::share("the service stops at the longer pause", "completed", "offered").at_most(0.8);
const RECORDS_ALL: Claim =
    Claim::share("every order is recorded", "orders_recorded", "orders_placed").equal(1.0);
const KEEPS_RUNNING: Claim =
    Claim::share("the runtime never freezes", "runtime_freeze_us", "pause_us").at_most(0.4);
const NO_ERROR: Claim = Claim::metric("no price times out", "errors").equal(0.0);

/// What every healthy variant keeps.
const HEALTHY: &[Claim] = &[ENDS, ANSWERS_ALL, RECORDS_ALL, NO_ERROR, KEEPS_RUNNING];

const CONTROLS: &[Control] = &[
    Control { trap: "longer-patience", pretends: ANSWERS_ALL },
    Control { trap: "two-connections", pretends: ANSWERS_ALL },
    Control { trap: "larger-pool", pretends: ANSWERS_ALL },
    Control { trap: "buffered", pretends: NO_ERROR },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| on_journal(cx, buggy::record))
        .about("an entry that takes long is kept and not polled while its report is written")
        .claims(&[ENDS, STOPS, KEEPS_RUNNING])
        .truth(Truth::new(Cause::Futurelock, "scenario_await::journal::Journal::append")),
    Variant::new("fixed", Kind::Fixed, |cx| on_journal(cx, fixed::record))
        .about("each entry is written by a task of its own")
        .claims(HEALTHY),
    Variant::new("both-polled", Kind::Fix, |cx| on_journal(cx, both_polled::record))
        .about("the late entry is polled together with its report")
        .claims(HEALTHY),
    Variant::new("longer-patience", Kind::Trap, |cx| on_journal(cx, longer_patience::record))
        .about("an entry is reported after five times as long")
        .claims(&[ENDS, STOPS_LATER, KEEPS_RUNNING])
        .truth(Truth::new(Cause::Futurelock, "scenario_await::journal::Journal::append")),
    Variant::new("two-connections", Kind::Trap, |cx| on_pool(cx, 4, two_connections::record))
        .about("a table instead of a lock; a large order takes a second connection for its report")
        .claims(&[ENDS, STOPS, KEEPS_RUNNING])
        .truth(Truth::new(Cause::StuckTasks, "scenario_await::pool::Pool::connection")),
    Variant::new("larger-pool", Kind::Trap, |cx| on_pool(cx, 8, two_connections::record))
        .about("the same with twice as many connections")
        .claims(&[ENDS, STOPS_LATER, KEEPS_RUNNING])
        .truth(Truth::new(Cause::StuckTasks, "scenario_await::pool::Pool::connection")),
    Variant::new("one-connection", Kind::Fix, |cx| on_pool(cx, 4, one_connection::record))
        .about("the report of a large order is written before it takes its connection")
        .claims(HEALTHY),
    Variant::new("buffered", Kind::Trap, |cx| on_journal(cx, buffered::record))
        .about("lines are priced in a buffered stream, which is not polled while a line is stored")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            KEEPS_RUNNING,
            Claim::share("prices time out because they are not polled", "errors", "offered")
                .at_least(0.5),
        ])
        .truth(Truth::new(Cause::StarvedInTask, "scenario_await::buffered::record")),
    Variant::new("spawned", Kind::Fix, |cx| on_journal(cx, spawned::record))
        .about("each line is priced by a task of its own")
        .claims(HEALTHY),
    Variant::new("slow-upstream", Kind::Decoy, |cx| {
        on_journal(cx, |journal: Arc<Journal>, order| async move {
            upstream::ask_slow().await?;
            fixed::record(journal, order).await
        })
    })
    .about("the fixed handler, behind a price service that takes 60 ms")
    .claims(HEALTHY),
    Variant::new("slow-socket", Kind::Decoy, slow_socket)
        .about("the same service behind a socket")
        .claims(HEALTHY),
];

/// Runs a handler that records orders in the journal.
fn on_journal<F, Fut>(cx: &Cx, record: F) -> anyhow::Result<()>
where
    F: Fn(Arc<Journal>, Order) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let journal = Arc::new(Journal::on(disk(cx)?));
    drive(cx, move |order| record(Arc::clone(&journal), order))
}

/// Runs a handler that records orders through a pool of connections.
fn on_pool<F, Fut>(cx: &Cx, connections: usize, record: F) -> anyhow::Result<()>
where
    F: Fn(Pool, Order) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let pool = Pool::of(connections, disk(cx)?);
    drive(cx, move |order| record(pool.clone(), order))
}

fn slow_socket(cx: &Cx) -> anyhow::Result<()> {
    let service = SocketService::start()?;
    let address = service.address;
    on_journal(cx, move |journal: Arc<Journal>, order| async move {
        upstream::ask_socket(address).await?;
        fixed::record(journal, order).await
    })
}
