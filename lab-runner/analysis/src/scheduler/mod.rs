//! From a recording of the scheduler to the waiting of tasks and its culprits. Pure.
//!
//! A recording is gone through four times and never held in memory: forward, to learn what occurs
//! (`survey`); backward, to charge waiting (`sweep`, `charge`); and twice more to draw it, the
//! whole and the part in which tasks waited most.

mod asleep;
mod begins;
mod bits;
mod changes;
mod charge;
mod charges;
mod cores;
mod early;
mod handoff;
mod lanes;
mod live;
mod notes;
mod part;
mod reckon;
pub mod requests;
mod running_sums;
mod stacks;
mod summary;
mod survey;
mod sweep;
mod task_kinds;
mod worst;
mod worth;

#[cfg(test)]
mod tests;

pub use asleep::Asleep;
pub use stacks::{Stacks, stacks};
pub use summary::{
    Blame, Culprit, Doing, Edge, ProbeSummary, Quantiles, Row, SCHED, Sched, Segment, TaskKind,
    Timeline, Worker,
};
pub use worth::{YIELD_PROBE, worth};

use early::{Direction, early};
use handoff::HandOffs;
use lab_recording::scheduler::{Blocks, Known, Place};
use reckon::{Reckoned, Reckoning};
use survey::Survey;
use sweep::{Sweep, Waits};

/// The analysis of a recording: its summary, and the blame of single polls for [`stacks`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysed {
    /// The summary.
    pub sched: Sched,
    /// Polls that made others wait and took at least 200 µs; if those are very many, only the
    /// longest.
    pub inflicted: Vec<Inflicted>,
    /// What all shorter polls inflicted.
    pub short: Vec<Short>,
    /// What is charged to no poll.
    pub other: Vec<(Culprit, Victims)>,
}

/// Groups that waited, for how many nanoseconds, and in how many waits.
pub type Victims = Vec<(usize, f64, u64)>;

/// A poll that made others wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Inflicted {
    /// The thread's number in the kernel; 0 if it is not known.
    pub thread: u64,
    /// When the poll began, in nanoseconds.
    pub begin_ns: u64,
    /// For how long it held its worker, in nanoseconds.
    pub length_ns: u64,
    /// The task kind of the poll.
    pub task_kind: usize,
    /// The task.
    pub task: u64,
    /// The task kinds that waited for it.
    pub by_victim: Victims,
}

/// The short polls of a task kind that made others wait, added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Short {
    /// The task kind of the polls.
    pub task_kind: usize,
    /// The task kinds that waited for them. A wait counts once for each of the polls.
    pub by_victim: Victims,
}

/// Analyses a recording. `name_of` gives the name of the tasks of a spawn location; without
/// one, the location is the name.
pub fn analyse(
    blocks: &(impl Blocks + Sync),
    known: &Known,
    name_of: &dyn Fn(&Place) -> Option<String>,
) -> Analysed {
    let mut survey = early(blocks, Direction::Forward, |blocks| survey::survey(blocks, known));
    let shared = handoff::shared(&survey);
    let windows = cores::in_order(std::mem::take(&mut survey.windows), &shared);
    let hand_offs =
        early(blocks, Direction::Forward, |blocks| handoff::hand_offs(blocks, &survey, &shared));
    let changes = changes::changes(&windows, &survey, known);
    let until = known.until_ns.max(survey.last_ns);
    let watch = Reckoning::new(known, survey.slots.len(), survey.crew.of.len());
    let swept = early(blocks, Direction::Backward, |blocks| {
        Sweep::new(blocks, &survey, &hand_offs.cuts, &changes, until, watch).run()
    });
    let core_waits = cores::sums(&windows, survey.crew.of.len());
    let (reckoned, waits) = swept.watch.finish(&swept.charged, swept.waits);
    let worst = known.has_latency.then(|| reckoned.steps.worst(known.until_ns)).flatten();
    let worst =
        worst.map(|at| worst::timeline(blocks, &survey, &hand_offs, at, [known.from_ns, until]));
    let run = known.from_ns..until;
    let whole = (known.sees_polls && !run.is_empty())
        .then(|| worst::timeline(blocks, &survey, &hand_offs, run.clone(), [known.from_ns, until]));
    let sched = Sched {
        worst,
        whole,
        ..summary(&survey, known, &hand_offs, &reckoned, &waits, &core_waits, name_of)
    };
    in_order(Analysed { sched, ..reckoned.analysed }, &waits)
}

/// The summary with task kinds by slot, without notes and worst window.
fn summary(
    survey: &Survey,
    known: &Known,
    hand_offs: &HandOffs,
    reckoned: &Reckoned,
    waits: &Waits,
    core_waits: &[Option<u64>],
    name_of: &dyn Fn(&Place) -> Option<String>,
) -> Sched {
    let task_kind = |slot: usize| {
        let names = survey.slots.names(slot, &known.places, name_of);
        reckoned.tallies[slot].task_kind(
            names,
            [survey.spawned[slot], survey.ended[slot]],
            survey.made_by(slot),
        )
    };
    let worker = |number: usize| {
        let (runtime, worker) = survey.crew.of[number];
        let core_wait_ms = core_waits[number].map(|ns| ns as f64 / 1e6);
        Worker { runtime, worker, core_wait_ms, ..reckoned.workers[number].clone() }
    };
    let mut workers: Vec<Worker> = (0..survey.crew.of.len()).map(worker).collect();
    workers.sort_by_key(|worker| (worker.runtime, worker.worker));
    let blame = known.has_latency.then(|| Blame {
        waits: waits.count,
        waited_ms: waits.ns.iter().sum::<f64>() / 1e6,
        edges: reckoned.edges.clone(),
    });
    let sched = Sched {
        wall_ms: known.until_ns.saturating_sub(known.from_ns) as f64 / 1e6,
        events: survey.events,
        dropped: notes::missing(known),
        polls_not_recorded: !known.sees_polls,
        task_kinds: (0..survey.slots.len()).map(task_kind).collect(),
        workers,
        probe: notes::probe(known),
        counters: notes::thinned(&known.counters),
        blocking_ended: survey.blocking_ended,
        hand_offs: hand_offs.count,
        blame,
        ..Sched::default()
    };
    Sched { notes: notes::notes(known, &sched), ..sched }
}

/// The same with the task kinds that waited longest first.
fn in_order(mut analysed: Analysed, waits: &Waits) -> Analysed {
    let sched = &mut analysed.sched;
    let mut slots: Vec<usize> = (0..sched.task_kinds.len()).collect();
    slots.sort_by(|a, b| {
        let polls = |slot: &usize| sched.task_kinds[*slot].polls;
        waits.ns[*b].total_cmp(&waits.ns[*a]).then_with(|| polls(b).cmp(&polls(a)))
    });
    let mut place = vec![0; slots.len()];
    slots.iter().enumerate().for_each(|(at, slot)| place[*slot] = at);
    sched.task_kinds =
        slots.iter().map(|slot| std::mem::take(&mut sched.task_kinds[*slot])).collect();
    sched
        .task_kinds
        .iter_mut()
        .filter_map(|task_kind| task_kind.made_by.as_mut())
        .for_each(|by| *by = place[*by]);
    for edge in sched.blame.iter_mut().flat_map(|blame| &mut blame.edges) {
        edge.victim = place[edge.victim];
        if let Culprit::TaskKind(task_kind) = &mut edge.culprit {
            *task_kind = place[*task_kind];
        }
    }
    let rows =
        sched.worst.iter_mut().chain(&mut sched.whole).flat_map(|timeline| &mut timeline.rows);
    for segment in rows.flat_map(|row| &mut row.segments) {
        if let Doing::Polls(task_kind) = &mut segment.doing {
            *task_kind = place[*task_kind];
        }
    }
    let polls =
        analysed.inflicted.iter_mut().map(|poll| (&mut poll.task_kind, &mut poll.by_victim));
    let short = analysed.short.iter_mut().map(|short| (&mut short.task_kind, &mut short.by_victim));
    for (task_kind, victims) in polls.chain(short) {
        *task_kind = place[*task_kind];
        victims.iter_mut().for_each(|victim| victim.0 = place[victim.0]);
    }
    let others = analysed.other.iter_mut().flat_map(|(_, victims)| victims);
    others.for_each(|victim| victim.0 = place[victim.0]);
    analysed
}
