//! Blocking: a service that reads documents under a deadline, while other requests only need its
//! runtime.
//!
//! `diff buggy.rs fixed.rs` is the lesson; [`SCENARIO`] lists what else people do about it.

pub mod block_in_place;
pub mod buggy;
pub mod dedicated_thread;
pub mod documents;
mod drive;
pub mod fixed;
pub mod folder;
pub mod half_fixed;
mod ledger;
pub mod std_mutex;
pub mod storage;
pub mod uring;
mod work;

use drive::{drive, drive_on};
use lab_kit::{
    Cause, Claim, Column, Control, Cx, Ending, Input, Kind, Load, Metric, Scenario, Truth, Variant,
};
use std_mutex::Known;
use work::Work;

/// The scenario and its variants.
pub static SCENARIO: Scenario = Scenario::new(
    "blocking",
    "a blocking read freezes everything beside it while the CPU idles",
    VARIANTS,
)
.chapter("blocking")
.load(Load { warmup_ms: 300, rate: 1_000.0, size: 2_000_000, ..Load::DEFAULT })
.brief_ms(1_300)
.columns(&[
    Column::new("runtime_freeze_us", "freeze"),
    Column::new("wait_p99_us", "wait p99"),
    Column::new("wait_max_us", "wait max"),
    Column::new("files_in_time", "in time"),
    Column::new("files_timed_out", "timed out"),
    Column::new("answers_late", "late"),
    Column::new("pool_threads", "pool"),
])
.check(check)
.ledger(ledger::SAYINGS)
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

const ENDS: Claim = Claim::ending("every document is answered in the end", Ending::Finished);
const ANSWERS_ALL: Claim =
    Claim::share("every request is answered", "completed", "offered").equal(1.0);
const FREEZES: Claim =
    Claim::share("the runtime freezes for nearly a whole stall", "runtime_freeze_us", "stall_us")
        .at_least(0.8);
const UNAFFECTED_WAIT: Claim =
    Claim::share("requests that need no file wait for it", "wait_max_us", "stall_us").at_least(0.5);
const KEEPS_RUNNING: Claim =
    Claim::share("the runtime never freezes for long", "runtime_freeze_us", "stall_us")
        .at_most(0.4);
const UNAFFECTED_FAST: Claim =
    Claim::share("requests that need no file do not wait for one", "wait_p99_us", "stall_us")
        .at_most(0.25);
const DEADLINES_HELD: Claim =
    Claim::metric("no answer waits for a stall to end", "answers_late").equal(0.0);
const DEADLINES_MISSED: Claim = Claim::share(
    "no deadline fires while its storage stalls: the answer comes after it",
    "stalled_late",
    "files_stalled",
)
.at_least(1.0);
const PROCESSES: Claim = Claim::share(
    "most documents that are there in time are processed",
    "files_in_time",
    "files_ordinary",
)
.at_least(0.6);

/// The blocking read, called by the handler.
const READS: &[&str] = &["buggy::index", "read_to_string"];

const CONTROLS: &[Control] = &[
    Control {
        trap: "half-fixed",
        pretends: Claim::share(
            "requests do not wait for a document to be indexed",
            "wait_p99_us",
            "index_us",
        )
        .at_most(0.5),
    },
    Control { trap: "block-in-place", pretends: DEADLINES_HELD },
    Control { trap: "small-pool", pretends: PROCESSES },
    Control {
        trap: "std-mutex",
        pretends: Claim::ratio("requests wait far less than with the bug", "wait_p99_us", "buggy")
            .at_most(0.25),
    },
];

const VARIANTS: &[Variant] = &[
    Variant::new("buggy", Kind::Buggy, |cx| drive(cx, buggy::index))
        .about("std::fs::read_to_string and the computing in the async fn")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            FREEZES,
            UNAFFECTED_WAIT,
            DEADLINES_MISSED,
            Claim::metric("no thread of the pool is used", "pool_threads").equal(0.0),
            Claim::ratio(
                "unaffected requests wait far longer than with the fix",
                "wait_p99_us",
                "fixed",
            )
            .at_least(5.0),
            Claim::stacks("where its polls wait is that read", "stall off-CPU", "", READS)
                .at_least(0.9),
            Claim::cpu_time("and a CPU profile shows next to nothing of it", READS).at_most(0.3),
            Claim::stacks(
                "unaffected requests wait for that read, by name",
                "sched blame",
                "requests waits",
                READS,
            )
            .at_least(0.4),
        ])
        .truth(Truth::new(Cause::BlockingCall, "scenario_blocking::buggy::index")),
    Variant::new("fixed", Kind::Fixed, |cx| drive(cx, fixed::index))
        .about("tokio::fs::read_to_string, and spawn_blocking for the computing")
        .claims(&[ENDS, ANSWERS_ALL, KEEPS_RUNNING, UNAFFECTED_FAST, DEADLINES_HELD, PROCESSES]),
    Variant::new("dedicated-thread", Kind::Fix, |cx| drive(cx, dedicated_thread::index))
        .about("a thread for each document, and a channel to wait on")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            KEEPS_RUNNING,
            UNAFFECTED_FAST,
            DEADLINES_HELD,
            PROCESSES,
            Claim::metric("no thread of the pool is used", "pool_threads").equal(0.0),
        ]),
    Variant::new("uring", Kind::Fix, through_uring)
        .about("tokio::fs::read through io_uring, where there is one")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            KEEPS_RUNNING,
            UNAFFECTED_FAST,
            DEADLINES_HELD,
            PROCESSES,
            Claim::metric("the kernel does the waiting, by a ring", "rings").at_least(1.0),
        ]),
    Variant::new("half-fixed", Kind::Trap, |cx| drive(cx, half_fixed::index))
        .about("tokio::fs, with the computing left in the task")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            DEADLINES_HELD,
            Claim::share(
                "tokio::fs alone needs threads of the pool, which do the waiting",
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
            Claim::share("and requests wait for that", "wait_max_us", "index_us").at_least(0.25),
        ])
        .truth(Truth::new(Cause::LongPoll, "scenario_blocking::half_fixed::index")),
    Variant::new("block-in-place", Kind::Trap, |cx| drive(cx, block_in_place::index))
        .about("the faulty handler inside block_in_place")
        .claims(&[ENDS, ANSWERS_ALL, KEEPS_RUNNING, UNAFFECTED_FAST, DEADLINES_MISSED])
        .truth(Truth::new(Cause::BlockingCall, "scenario_blocking::block_in_place::index")),
    Variant::new("small-pool", Kind::Trap, small_pool)
        .about("the fix on a runtime with max_blocking_threads(1)")
        .claims(&[
            ENDS,
            ANSWERS_ALL,
            KEEPS_RUNNING,
            UNAFFECTED_FAST,
            DEADLINES_HELD,
            Claim::share(
                "documents queue behind the one that stalls",
                "files_in_time",
                "files_behind",
            )
            .at_most(0.25),
            Claim::metric("the whole pool is one thread", "pool_threads").equal(1.0),
        ])
        .truth(Truth::new(Cause::PoolExhausted, "scenario_blocking::fixed::index")),
    Variant::new("std-mutex", Kind::Trap, std_mutex)
        .about("a std::sync::Mutex held by who reads, and taken in the task")
        .claims(&[ENDS, ANSWERS_ALL, FREEZES, UNAFFECTED_WAIT])
        .truth(Truth::new(Cause::LockAcrossStall, "scenario_blocking::std_mutex::index")),
    Variant::new("fast-files", Kind::Decoy, |cx| {
        drive_on(cx, cx.runtime(), Work::small_files(cx)?, buggy::index)
    })
    .about("the faulty handler on small files in the page cache")
    .claims(&[
        ENDS,
        ANSWERS_ALL,
        DEADLINES_HELD,
        PROCESSES,
        Claim::ratio("nobody waits for a file", "wait_p99_us", "buggy").at_most(0.2),
    ]),
];

/// The fix with one thread to do all that blocks.
fn small_pool(cx: &Cx) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.max_blocking_threads(1);
    drive_on(cx, builder, Work::of(cx)?, fixed::index)
}

fn std_mutex(cx: &Cx) -> anyhow::Result<()> {
    let known = Known::default();
    drive(cx, move |path| std_mutex::index(path, Known::clone(&known)))
}

/// Counts the rings that tokio opened: where there is none, it has read through the pool after all.
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

/// io_uring instances of this process, where `/proc` tells.
fn open_rings() -> Option<u64> {
    let is_ring = |link: &std::path::Path| link.to_string_lossy().contains("[io_uring]");
    let open = std::fs::read_dir("/proc/self/fd").ok()?.flatten();
    Some(
        open.filter_map(|fd| std::fs::read_link(fd.path()).ok())
            .filter(|link| is_ring(link))
            .count() as u64,
    )
}

fn check(load: &Load) -> anyhow::Result<()> {
    lab_kit::only_input(load, &[Input::Stall, Input::Files])?;
    anyhow::ensure!(
        (1_000..=64 << 20).contains(&load.size),
        "a document has between 1000 bytes and 64 MiB: try --size 2MB"
    );
    anyhow::ensure!(
        load.stall_ms.is_none_or(|ms| ms >= 20),
        "a stall of less than 20ms is no more than a busy machine makes by itself: try --stall 250ms"
    );
    let Some(folder) = &load.files else { return Ok(()) };
    anyhow::ensure!(
        load.stall_ms.is_none(),
        "real files take the time they take: leave --stall or --files away"
    );
    folder::files(folder).map(drop)
}
