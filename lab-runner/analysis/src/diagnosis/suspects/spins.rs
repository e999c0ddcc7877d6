//! Tasks that are polled again and again without an event.

use crate::diagnosis::Case;
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::{profile_under, sampled, sched};
use crate::scheduler::TaskKind;
use lab_recording::profiler::Profiler;

/// Operations of tokio's after which a task has to yield: its budget.
const BUDGET: f64 = 128.0;
/// Time between two polls of a task that keeps its worker awake, in microseconds: the runtime's own
/// work, which is in no poll.
const BETWEEN_POLLS_US: f64 = 0.3;

pub fn spins(case: &Case<'_>) -> Vec<Suspect> {
    let Some((sched, profile)) = sched(case).zip(profile_under(case, Profiler::Sched)) else {
        return Vec::new();
    };
    // A batch has items and no requests.
    let Some(answered) = profile.ops.filter(|_| !profile.spec.load.is_batch()) else {
        return Vec::new();
    };
    let suspect = |kind: &TaskKind| {
        let polls = kind.polls as f64;
        let ms = (kind.poll_us.sum + BETWEEN_POLLS_US * polls) / 1e3;
        let operations = polls + (BUDGET - 1.0) * kind.budget_spent as f64;
        let per_request = |number: f64| number / answered.max(1) as f64;
        let per_us = |number: f64| number / kind.poll_us.sum.max(f64::MIN_POSITIVE);
        let mut suspect = Suspect::new(Suspicion::Spins, location(case, kind))
            .with(Sign::PollsPerRequest, per_request(polls))
            .with(Sign::PollsPerUs, per_us(polls))
            .with(Sign::SpentShare, kind.budget_spent as f64 / polls)
            .with(Sign::OpsPerRequest, per_request(operations))
            .with(Sign::OpsPerUs, per_us(operations))
            .with(Sign::SpinShare, (ms / sched.wall_ms.max(f64::MIN_POSITIVE)).min(1.0))
            .with_known(Sign::WokenTasks, woken_tasks(kind, answered))
            .with(Sign::GoBack, 1.0 - (kind.ended as f64 / polls).min(1.0));
        suspect.evidence.push(format!("its tasks are spawned at {}", kind.spawned_at));
        suspect
    };
    sched.task_kinds.iter().filter(|kind| kind.polls > 0).map(suspect).collect()
}

/// The tasks of a kind that each request wakes, if it wakes each of them a few times at most; none
/// if few tasks are polled again and again.
///
/// *Example:* 2 000 sessions wait for one notification. Each of 600 requests notifies all of them:
/// 1.2 million polls, 2 000 for each request, one for each session. A task that yields in a loop has
/// as many polls, all of them its own.
fn woken_tasks(kind: &TaskKind, answered: u64) -> Option<f64> {
    const A_FEW: f64 = 4.0;
    let tasks = kind.spawned.max(kind.ended) as f64;
    let polls_per_request = kind.polls as f64 / answered.max(1) as f64;
    (polls_per_request <= A_FEW * tasks).then(|| polls_per_request.min(tasks))
}

/// The function in which most time of polls was sampled: that of the tasks that are polled most.
fn location(case: &Case<'_>, kind: &TaskKind) -> Option<Location> {
    let in_polls = sampled(case).and_then(|profile| profile.in_polls.as_deref());
    let most = in_polls.unwrap_or_default().iter().max_by(|a, b| a.ms.total_cmp(&b.ms));
    match (most, &kind.function) {
        (Some(most), _) => Some(Location {
            function: most.function.clone(),
            file: most.file.clone(),
            line: most.line,
        }),
        (None, Some(function)) => {
            Some(Location { function: function.clone(), file: None, line: None })
        }
        (None, None) => None,
    }
}
