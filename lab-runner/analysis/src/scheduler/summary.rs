//! The summary of a scheduler recording, stored as `sched.json`: polls and waiting by task
//! kind, the time of the workers, and blame.

use lab_recording::scheduler::Counters;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Scheduler statistics of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sched {
    /// The recorded time, in milliseconds.
    pub wall_ms: f64,
    /// Events that were recorded.
    pub events: u64,
    /// Missing events: the writer could not keep up, or a poll was not recorded.
    pub dropped: u64,
    /// Whether tokio reported no polls: then the time of awake workers is unknown.
    #[serde(default, alias = "polls_unseen", skip_serializing_if = "std::ops::Not::not")]
    pub polls_not_recorded: bool,
    /// Task kinds, the longest waiting first. Indices below are into this list.
    #[serde(alias = "groups")]
    pub task_kinds: Vec<TaskKind>,
    /// The workers, by runtime and number.
    pub workers: Vec<Worker>,
    /// The result of the yield probe; none without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSummary>,
    /// The runtimes' own counters over time, thinned to at most a few hundred.
    #[serde(default)]
    pub counters: Vec<Counters>,
    /// Tasks of `spawn_blocking` that ended: they have no begin.
    #[serde(default)]
    pub blocking_ended: u64,
    /// The number of workers that `block_in_place` gave to another thread during a poll.
    #[serde(default)]
    pub hand_offs: u64,
    /// Waiting by culprit; none where schedule latency was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// The worst window: the time in which tasks waited most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Timeline>,
    /// The whole run; segments shorter than a thousandth of it are joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Timeline>,
    /// Conditions that limit the conclusion.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Sched {
    /// Yields that tokio forced because a task budget was spent, in all runtimes; none
    /// where tokio does not report them.
    pub fn forced_yields(&self) -> Option<u64> {
        let of_it = |runtime: u8| {
            let counts = self
                .counters
                .iter()
                .filter(move |at| at.runtime == runtime)
                .filter_map(|at| at.forced_yields);
            let (least, most) = counts
                .fold((u64::MAX, 0), |(least, most), so_far| (least.min(so_far), most.max(so_far)));
            most.checked_sub(least)
        };
        let runtimes: BTreeSet<u8> = self.counters.iter().map(|at| at.runtime).collect();
        runtimes.into_iter().filter_map(of_it).reduce(u64::saturating_add)
    }
}

/// A task kind: the tasks with one spawn location.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskKind {
    /// The name: `requests`, or the spawn location.
    pub name: String,
    /// The spawn location, file and line: `src/drive.rs:52`.
    #[serde(alias = "place")]
    pub spawned_at: String,
    /// The function in which these tasks delayed others most; none without samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The number of tasks spawned during the recording.
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
    /// Poll time, in microseconds.
    pub poll_us: Quantiles,
    /// Schedule latency, in microseconds; none if not recorded.
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

/// The time of a worker, in milliseconds.
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
    /// The part of these times spent waiting for a core; none where the kernel does not
    /// report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_wait_ms: Option<f64>,
}

/// The result of the yield probe, with the wake-up delay that a yield does not include.
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

/// Waiting by culprit, in milliseconds summed over tasks: two tasks that wait for one second
/// count as two seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blame {
    /// How often a task was runnable and not polled.
    pub waits: u64,
    /// For how long together.
    pub waited_ms: f64,
    /// The culprits with their shares, the largest first. They sum to `waited_ms`.
    pub edges: Vec<Edge>,
}

/// Waiting of one task kind, charged to one culprit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The culprit that occupied the worker.
    pub culprit: Culprit,
    /// The task kind that waited.
    pub victim: usize,
    /// For how long.
    pub ms: f64,
    /// In how many waits.
    pub waits: u64,
}

/// The culprit that a wait is charged to.
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

/// The timeline of all workers in one part of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Its begin, in milliseconds after the start of the profile.
    pub from_ms: f64,
    /// Its length, in milliseconds.
    pub ms: f64,
    /// The waiting of tasks in it, in milliseconds.
    pub waited_ms: f64,
    /// What each worker did, in order; polls too short to be seen are joined with their noisy
    /// neighbours.
    pub rows: Vec<Row>,
    /// The number of waiting tasks, in equal steps over the timeline.
    pub waiting: Vec<f64>,
}

/// One worker in a timeline.
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
    /// Its begin, in milliseconds after the begin of the timeline.
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
