//! Scheduler statistics in the machine-readable result: one entry per run under the scheduler
//! profiler, with names in place of indices.

use crate::report::sched::words::Run;
use lab_analysis::scheduler::{Blame, Culprit, Edge, ProbeSummary, Quantiles, TaskKind, Worker};
use lab_recording::spec::Side;
use serde::Serialize;

/// The scheduler statistics of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Scheduler<'a> {
    variant: &'a str,
    /// Of a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    folder: String,
    /// The recorded time, in milliseconds.
    wall_ms: f64,
    events: u64,
    dropped: u64,
    /// Tasks of `spawn_blocking` that ended.
    blocking_ended: u64,
    /// Workers that `block_in_place` handed on in the middle of a poll.
    hand_offs: u64,
    /// Absent where tokio does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    forced_yields: Option<u64>,
    /// Operations that the run completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    ops: Option<u64>,
    task_kinds: Vec<OneTaskKind<'a>>,
    workers: Vec<OneWorker>,
    /// Absent without a yield probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Probe>,
    /// Absent where schedule latency was not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blamed<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

/// The time of one worker; `awake` is absent where polls are not recorded.
#[derive(Debug, Serialize)]
struct OneWorker {
    runtime: u8,
    worker: u16,
    idle_ms: f64,
    #[serde(flatten)]
    awake: Option<Awake>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core_wait_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Awake {
    polls: u64,
    busy_ms: f64,
    stalled_ms: f64,
    outside_ms: f64,
}

#[derive(Debug, Serialize)]
struct OneTaskKind<'a> {
    name: &'a str,
    spawned_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'a str>,
    spawned: u64,
    ended: u64,
    polls: u64,
    budget_spent: u64,
    poll_us: Times,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Times>,
}

/// A distribution.
#[derive(Debug, Serialize)]
struct Times {
    count: u64,
    sum: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct Probe {
    wake_ups: u64,
    yields: u64,
    long_yields: u64,
    yield_us: Times,
    wake_delay_us: Times,
}

#[derive(Debug, Serialize)]
struct Blamed<'a> {
    waits: u64,
    waited_ms: f64,
    edges: Vec<OneEdge<'a>>,
}

#[derive(Debug, Serialize)]
struct OneEdge<'a> {
    culprit: Charged<'a>,
    /// The task kind that waited.
    victim: &'a str,
    victim_spawned_at: &'a str,
    ms: f64,
    waits: u64,
    /// Whether the waiting is large enough to blame the culprit for it.
    significant: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Charged<'a> {
    TaskKind {
        name: &'a str,
        spawned_at: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        function: Option<&'a str>,
    },
    WorkerAsleep,
    Kernel,
    OwnBudget,
    OutsidePolls,
    Unknown,
}

/// The scheduler statistics of the runs; empty without the scheduler profiler.
pub(crate) fn documents<'a>(runs: &[Run<'a>]) -> Vec<Scheduler<'a>> {
    runs.iter().map(document).collect()
}

fn document<'a>(run: &Run<'a>) -> Scheduler<'a> {
    let (profile, sched) = (run.profile, run.sched);
    Scheduler {
        variant: &profile.spec.variant,
        side: profile.side(),
        folder: profile.folder.display().to_string(),
        wall_ms: sched.wall_ms,
        events: sched.events,
        dropped: sched.dropped,
        blocking_ended: sched.blocking_ended,
        hand_offs: sched.hand_offs,
        forced_yields: sched.forced_yields(),
        ops: profile.ops,
        task_kinds: sched.task_kinds.iter().map(task_kind).collect(),
        workers: sched.workers.iter().map(|of| worker(of, !sched.polls_not_recorded)).collect(),
        probe: sched.probe.as_ref().map(probe),
        blame: sched.blame.as_ref().map(|blame| blamed(run, blame)),
        notes: &sched.notes,
    }
}

fn worker(of: &Worker, sees_polls: bool) -> OneWorker {
    let Worker { runtime, worker, polls, busy_ms, stalled_ms, idle_ms, outside_ms, core_wait_ms } =
        *of;
    let awake = sees_polls.then_some(Awake { polls, busy_ms, stalled_ms, outside_ms });
    OneWorker { runtime, worker, idle_ms, awake, core_wait_ms }
}

fn task_kind(task_kind: &TaskKind) -> OneTaskKind<'_> {
    let TaskKind {
        name,
        spawned_at: place,
        function,
        spawned,
        ended,
        polls,
        budget_spent,
        poll_us,
        latency_us,
        ..
    } = task_kind;
    OneTaskKind {
        name,
        spawned_at: place,
        function: function.as_deref(),
        spawned: *spawned,
        ended: *ended,
        polls: *polls,
        budget_spent: *budget_spent,
        poll_us: times(poll_us),
        latency_us: latency_us.as_ref().map(times),
    }
}

fn times(of: &Quantiles) -> Times {
    let Quantiles { count, sum, p50, p90, p99, max, .. } = *of;
    Times { count, sum, p50, p90, p99, max }
}

fn probe(probe: &ProbeSummary) -> Probe {
    Probe {
        wake_ups: probe.wake_ups,
        yields: probe.yields,
        long_yields: probe.long_yields,
        yield_us: times(&probe.yield_us),
        wake_delay_us: times(&probe.wake_delay_us),
    }
}

fn blamed<'a>(run: &Run<'a>, blame: &'a Blame) -> Blamed<'a> {
    let significant = run.blamed();
    let one = |edge: &'a Edge| {
        let victim = run.sched.task_kinds.get(edge.victim);
        OneEdge {
            culprit: charged(run, edge.culprit),
            victim: victim.map_or("", |task_kind| &task_kind.name),
            victim_spawned_at: victim.map_or("", |task_kind| &task_kind.spawned_at),
            ms: edge.ms,
            waits: edge.waits,
            significant: significant.contains(&edge),
        }
    };
    Blamed {
        waits: blame.waits,
        waited_ms: blame.waited_ms,
        edges: blame.edges.iter().map(one).collect(),
    }
}

fn charged<'a>(run: &Run<'a>, culprit: Culprit) -> Charged<'a> {
    match culprit {
        Culprit::TaskKind(number) => match run.sched.task_kinds.get(number) {
            Some(task_kind) => Charged::TaskKind {
                name: &task_kind.name,
                spawned_at: &task_kind.spawned_at,
                function: task_kind.function.as_deref(),
            },
            None => Charged::Unknown,
        },
        Culprit::WorkerAsleep => Charged::WorkerAsleep,
        Culprit::Kernel => Charged::Kernel,
        Culprit::OwnBudget => Charged::OwnBudget,
        Culprit::OutsidePolls => Charged::OutsidePolls,
        Culprit::Unknown => Charged::Unknown,
    }
}
