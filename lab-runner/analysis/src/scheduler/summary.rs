//! What the scheduler's recording comes to, as `sched.json` keeps it: who was polled how often and
//! how long, what the workers did, who waited and for whom.

use lab_recording::scheduler::Counters;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A run as its scheduler saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sched {
    /// For how long it was looked at, in milliseconds.
    pub wall_ms: f64,
    /// Events that were recorded.
    pub events: u64,
    /// Events that are missing, for the writer could not keep up, and polls that nobody watched.
    pub dropped: u64,
    /// Whether tokio told nothing of polls: then what workers did while they were awake is not
    /// known.
    #[serde(default, alias = "polls_unseen", skip_serializing_if = "std::ops::Not::not")]
    pub polls_not_recorded: bool,
    /// Tasks by the place where they were spawned, those that waited longest first. Indices below
    /// are into this list.
    #[serde(alias = "groups")]
    pub task_kinds: Vec<TaskKind>,
    /// The workers, by runtime and number.
    pub workers: Vec<Worker>,
    /// The yield probe; none if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSummary>,
    /// The runtimes' own counters over time, thinned to at most a few hundred.
    #[serde(default)]
    pub counters: Vec<Counters>,
    /// Tasks of `spawn_blocking` that ended: they have no begin.
    #[serde(default)]
    pub blocking_ended: u64,
    /// Times that a worker's work was handed to another thread in the middle of a poll
    /// (`block_in_place`).
    #[serde(default)]
    pub hand_offs: u64,
    /// Who waited for whom; none where schedule latency was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// The stretch of time in which tasks waited most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Timeline>,
    /// The whole run, with what is shorter than a thousandth of it joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Timeline>,
    /// What has to be known before believing it.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Sched {
    /// Times that a task was turned away because its budget was spent, in all runtimes; none where
    /// tokio does not tell.
    pub fn forced_yields(&self) -> Option<u64> {
        let of_it = |runtime: u8| {
            let told = self
                .counters
                .iter()
                .filter(move |at| at.runtime == runtime)
                .filter_map(|at| at.forced_yields);
            let (least, most) = told
                .fold((u64::MAX, 0), |(least, most), so_far| (least.min(so_far), most.max(so_far)));
            most.checked_sub(least)
        };
        let runtimes: BTreeSet<u8> = self.counters.iter().map(|at| at.runtime).collect();
        runtimes.into_iter().filter_map(of_it).reduce(u64::saturating_add)
    }
}

/// Tasks that were spawned at one place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskKind {
    /// What these tasks are called: `requests`, or their place.
    pub name: String,
    /// The file and line of the spawn: `src/drive.rs:52`.
    #[serde(alias = "place")]
    pub spawned_at: String,
    /// The function that these tasks were mostly seen in, by what it inflicted on others; none if
    /// no sample tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Tasks spawned while it was looked at.
    pub spawned: u64,
    /// The task kind whose polls spawned most of them; none if no poll did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<usize>,
    /// Tasks that ended.
    pub ended: u64,
    /// Their polls.
    pub polls: u64,
    /// Polls at whose end the budget was spent.
    pub budget_spent: u64,
    /// How long polls took, in microseconds.
    pub poll_us: Quantiles,
    /// How long tasks were runnable before a poll, in microseconds; none if nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Quantiles>,
}

/// A distribution in a few numbers, and in steps for a picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The largest.
    pub max: f64,
    /// Steps of a histogram: upper bound of each and how many values are in it; empty steps are
    /// left out.
    #[serde(default)]
    pub steps: Vec<(f64, u64)>,
}

/// What a worker did with its time, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The runtime.
    pub runtime: u8,
    /// Its number there.
    pub worker: u16,
    /// Its polls.
    pub polls: u64,
    /// In polls that were shorter than 10 ms.
    pub busy_ms: f64,
    /// In polls of at least 10 ms: nothing else could run on it.
    pub stalled_ms: f64,
    /// Asleep.
    pub idle_ms: f64,
    /// Awake and in no poll: the scheduler itself, the driver, a root future or a `LocalSet`, which
    /// no hook tells of.
    pub outside_ms: f64,
    /// Of all of that, how long its thread waited for a core; none where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_wait_ms: Option<f64>,
}

/// What the yield probe told, beside what it could not see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// Wake-ups sent to the probe.
    #[serde(alias = "asked")]
    pub wake_ups: u64,
    /// Timed yields.
    #[serde(alias = "answered")]
    pub yields: u64,
    /// Yields of 10 ms and more.
    #[serde(alias = "flagged")]
    pub long_yields: u64,
    /// The duration of a yield, in microseconds.
    pub yield_us: Quantiles,
    /// The delay from a wake-up to the poll of the probe, in microseconds: no part of a yield.
    #[serde(alias = "unheard_us")]
    pub wake_delay_us: Quantiles,
}

/// Who waited for whom. All is in milliseconds of waiting tasks: two tasks that wait for a second
/// wait for two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blame {
    /// How often a task was runnable and not polled.
    pub waits: u64,
    /// For how long together.
    pub waited_ms: f64,
    /// Who it is charged to, the largest first. They sum to `waited_ms`.
    pub edges: Vec<Edge>,
}

/// Waiting of one task kind, charged to one culprit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Who held the worker.
    pub culprit: Culprit,
    /// The task kind that waited.
    pub victim: usize,
    /// For how long.
    pub ms: f64,
    /// In how many waits.
    pub waits: u64,
}

/// What a wait is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Culprit {
    /// Polls of a task kind.
    #[serde(alias = "group")]
    TaskKind(usize),
    /// The worker that took the task at last was asleep.
    WorkerAsleep,
    /// A thread waited for a core.
    Kernel,
    /// The task itself: its budget was spent and its wake put off.
    OwnBudget,
    /// The worker was awake and in no poll.
    OutsidePolls,
    /// Events are missing there, or it was before the recording began.
    #[serde(alias = "not-known")]
    Unknown,
}

/// A stretch of time, worker by worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// When it begins, in milliseconds after the profiler began to look.
    pub from_ms: f64,
    /// How long it is.
    pub ms: f64,
    /// The waiting in it.
    pub waited_ms: f64,
    /// What each worker did, in order; polls too short to be seen are joined with their noisy
    /// neighbours.
    pub rows: Vec<Row>,
    /// How many tasks were runnable and not polled, in equal steps over the stretch.
    pub waiting: Vec<f64>,
}

/// One worker in a stretch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The runtime.
    pub runtime: u8,
    /// The worker.
    pub worker: u16,
    /// What it did.
    #[serde(alias = "pieces")]
    pub segments: Vec<Segment>,
}

/// What a worker did for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// From, in milliseconds after the stretch began.
    pub at_ms: f64,
    /// For how long.
    pub ms: f64,
    /// What.
    pub doing: Doing,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// Polls of a task kind; of several, that which took most.
    Polls(usize),
    /// Sleeps.
    Asleep,
    /// Is awake and polls nothing.
    Outside,
}

/// File of [`Sched`] in the folder of its run.
pub const SCHED: &str = "sched.json";
