//! Blocking: a service that reads documents under a deadline, while its other requests need no
//! file.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists the other fixes, and traps.

pub mod block_in_place;
pub mod buggy;
pub mod dedicated_thread;
pub mod documents;
pub mod drive;
pub mod fixed;
pub mod folder;
pub mod half_fixed;
mod ledger;
pub mod std_mutex;
pub mod storage;
pub mod uring;
pub mod work;

use drive::{drive, drive_on};
use lab_kit::{
    Cause, Claim, Column, Control, Cx, Ending, Input, Kind, Load, Metric, Scenario, Truth, Variant,
};
use std_mutex::Cache;
use work::Work;

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario::new(
    "blocking",
    "a blocking read freezes every task of its worker while the CPU is idle",
    VARIANTS,
)
.chapter("blocking")
.load(Load { warmup_ms: 300, rate: 1_000.0, size: 2_000_000, ..Load::DEFAULT })
.brief_ms(1_300)
.columns(&[
    Column::new("runtime_freeze_us", "longest freeze"),
    Column::new("wait_p99_us", "wait p99"),
    Column::new("wait_max_us", "wait max"),
    Column::new("files_in_time", "in time"),
    Column::new("files_timed_out", "timed out"),
    Column::new("answers_late", "late"),
    Column::new("pool_threads", "pool"),
])
.check(check)
.ledger(ledger::COMMON_CLAIMS)
.metrics(METRICS)
.controls(CONTROLS);

const METRICS: &[Metric] = &[
    Metric::higher("files_in_time", "files", 0.05, "files read before their deadline")
        .may_be_zero()
        .before_deadline(),
    Metric::lower("answers_late", "answers", 0.05, "answers after their deadline")
        .may_be_zero()
        .before_deadline(),
];

const ENDS: Claim = Claim::ending("the run ends", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every request is answered", "completed", "offered").equal(1.0);
const FREEZES: Claim = Claim::share(
    "the runtime freezes for nearly as long as the storage stalls",
    "runtime_freeze_us",
    "stall_us",
)
.at_least(0.8);
const UNAFFECTED_WAIT: Claim = Claim::share(
    "requests that need no file wait for the blocking read",
    "wait_max_us",
    "stall_us",
)
.at_least(0.5);
const KEEPS_RUNNING: Claim =
    Claim::share("the runtime never freezes for long", "runtime_freeze_us", "stall_us")
        .at_most(0.4);
const UNAFFECTED_FAST: Claim =
    Claim::share("requests that need no file do not wait for a read", "wait_p99_us", "stall_us")
        .at_most(0.25);
const DEADLINES_HELD: Claim =
    Claim::metric("no answer is delayed until the storage stops stalling", "answers_late")
        .equal(0.0);
const DEADLINES_MISSED: Claim = Claim::share(
    "the deadline of a stalled read does not fire before the read returns",
    "stalled_late",
    "files_stalled",
)
.at_least(1.0);
const PROCESSES: Claim = Claim::share(
    "most documents from fast storage are processed before their deadline",
    "files_in_time",
    "files_ordinary",
)
.at_least(0.6);

/// The blocking read, called by the handler.
const READS: &[&str] = &["buggy::index", "read_to_string"];

const NO_POOL_THREAD: Claim =
    Claim::metric("the blocking pool starts no thread", "pool_threads").equal(0.0);

const CONTROLS: &[Control] = &[
    Control {
        trap: "half-fixed",
        pretends: Claim::share(
            "requests do not wait while a document is indexed",
            "wait_p99_us",
            "index_us",
        )
        .at_most(0.5),
    },
    Control { trap: "block-in-place", pretends: DEADLINES_HELD },
    Control { trap: "small-pool", pretends: PROCESSES },
    Control {
        trap: "std-mutex",
        pretends: Claim::ratio(
            "requests wait far less than in the buggy variant",
            "wait_p99_us",
            "buggy",
        )
        .at_most(0.25),
    },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::index))
        .about("std::fs::read_to_string and indexing in the async fn")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            FREEZES,
            UNAFFECTED_WAIT,
            DEADLINES_MISSED,
            NO_POOL_THREAD,
            Claim::ratio(
                "requests that need no file wait far longer than in the fixed variant",
                "wait_p99_us",
                "fixed",
            )
            .at_least(5.0),
            Claim::stacks(
                "polls spend their off-CPU time in the blocking read",
                "stall off-CPU",
                "",
                READS,
            )
            .at_least(0.9),
            Claim::cpu_time("a CPU profile shows almost nothing of the blocking read", READS)
                .at_most(0.3),
            Claim::stacks(
                "the scheduler profile blames the blocking read for the waiting of requests",
                "sched blame",
                "requests waits",
                READS,
            )
            .at_least(0.4),
        ])
        .truth(Truth::new(Cause::BlockingCall, "scenario_blocking::buggy::index")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::index))
        .about("tokio::fs::read_to_string, indexing in spawn_blocking")
        .claims(&[ENDS, ANSWERS_ALL, KEEPS_RUNNING, UNAFFECTED_FAST, DEADLINES_HELD, PROCESSES]),
    Variant::new("dedicated-thread", Kind::Fix, |cx| drive(cx, dedicated_thread::index))
        .about("each document has a thread of its own, and the async fn awaits a channel")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            KEEPS_RUNNING,
            UNAFFECTED_FAST,
            DEADLINES_HELD,
            PROCESSES,
            NO_POOL_THREAD,
        ]),
    Variant::new("uring", Kind::Fix, through_uring)
        .about("the async fn calls tokio::fs::read, which uses io_uring where it is available")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            KEEPS_RUNNING,
            UNAFFECTED_FAST,
            DEADLINES_HELD,
            PROCESSES,
            Claim::metric("tokio opens an io_uring instance", "rings").at_least(1.0),
        ]),
    Variant::new("half-fixed", Kind::Trap, |cx| drive(cx, half_fixed::index))
        .about("the async fn calls tokio::fs::read_to_string and indexes the text itself")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            DEADLINES_HELD,
            Claim::share(
                "tokio::fs reads on threads of the blocking pool",
                "pool_threads",
                "files_at_a_time",
            )
            .at_least(0.6),
            Claim::share(
                "the runtime freezes while a document is indexed",
                "runtime_freeze_us",
                "index_us",
            )
            .at_least(0.25),
            Claim::share("requests wait while a document is indexed", "wait_max_us", "index_us")
                .at_least(0.25),
        ])
        .truth(Truth::new(Cause::LongPoll, "scenario_blocking::half_fixed::index")),
    Variant::new("block-in-place", Kind::Trap, |cx| drive(cx, block_in_place::index))
        .about("the faulty handler runs inside block_in_place")
        .claims(&[ENDS, ANSWERS_ALL, KEEPS_RUNNING, UNAFFECTED_FAST, DEADLINES_MISSED])
        .truth(Truth::new(Cause::BlockingCall, "scenario_blocking::block_in_place::index")),
    Variant::new("small-pool", Kind::Trap, small_pool)
        .about("the fixed handler runs on a runtime with max_blocking_threads(1)")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            KEEPS_RUNNING,
            UNAFFECTED_FAST,
            DEADLINES_HELD,
            Claim::share(
                "documents queue for the blocking pool behind a stalled read",
                "files_in_time",
                "files_behind",
            )
            .at_most(0.25),
            Claim::metric("the blocking pool has one thread", "pool_threads").equal(1.0),
        ])
        .truth(Truth::new(Cause::PoolExhausted, "scenario_blocking::fixed::index")),
    Variant::new("std-mutex", Kind::Trap, std_mutex)
        .about("a reader holds a std::sync::Mutex during the read, and the task locks it too")
        .claims(&[ENDS, ANSWERS_ALL, FREEZES, UNAFFECTED_WAIT])
        .truth(Truth::new(Cause::LockAcrossStall, "scenario_blocking::std_mutex::index")),
    Variant::new("fast-files", Kind::Decoy, |cx| {
        drive_on(cx, cx.runtime(), Work::small_files(cx)?, buggy::index)
    })
    .about("the faulty handler reads small files from the page cache")
    .claims(&[
        ENDS,
        ANSWERS_ALL,
        DEADLINES_HELD,
        PROCESSES,
        Claim::ratio("requests do not wait for the read of a small file", "wait_p99_us", "buggy")
            .at_most(0.3),
    ]),
];

/// Runs the fixed handler with a blocking pool of one thread.
fn small_pool(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.max_blocking_threads(1);
    drive_on(cx, builder, Work::from_load(cx)?, fixed::index)
}

fn std_mutex(cx: &Cx) -> anyhow::Result<()> {
    let cache = Cache::default();
    drive(cx, move |path| std_mutex::index(path, Cache::clone(&cache)))
}

/// Counts the io_uring instances that tokio opened. Where there is none, tokio reads through the
/// blocking pool after all.
fn through_uring(cx: &Cx) -> anyhow::Result<()> {
    let rings = cx.probe().counter("rings")?;
    drive(cx, move |path| {
        let rings = rings.clone();
        async move {
            let index = uring::index(path).await;
            if let Some(open) = open_rings().filter(|open| *open > 0) {
                rings.raise_to(open);
            }
            index
        }
    })
}

/// Number of open io_uring instances of this process; none where `/proc` is missing.
fn open_rings() -> Option<u64> {
    let mut rings = 0;
    for fd in std::fs::read_dir("/proc/self/fd").ok()?.flatten() {
        let target = std::fs::read_link(fd.path()).unwrap_or_default();
        rings += u64::from(target.to_string_lossy().contains("[io_uring]"));
    }
    Some(rings)
}

fn check(load: &Load) -> anyhow::Result<()> {
    lab_kit::only_input(load, &[Input::Stall, Input::Files])?;
    anyhow::ensure!(
        (1_000..=64 << 20).contains(&load.size),
        "a document has between 1000 bytes and 64 MiB: try --size 2MB"
    );
    anyhow::ensure!(
        load.stall_ms.is_none_or(|ms| ms >= 20),
        "a stall below 20ms cannot be told from host noise: try --stall 250ms"
    );
    let Some(folder) = &load.files else { return Ok(()) };
    anyhow::ensure!(
        load.stall_ms.is_none(),
        "the read of a real file takes its own time: leave --stall or --files away"
    );
    folder::files(folder).map(drop)
}
