//! Timelines in milliseconds, and how answers are asked for.

use crate::scheduler::{Analysed, Culprit, analyse};
use lab_recording::scheduler::{Blocks, Event, Known, Place, What};

pub const MS: u64 = 1_000_000;
pub const IMPORT: u16 = 0;
pub const REQUEST: u16 = 1;

/// Lanes in memory, in blocks of three events.
#[derive(Clone, Debug, Default)]
pub struct Made(pub Vec<Vec<Event>>);

impl Blocks for Made {
    fn lanes(&self) -> usize {
        self.0.len()
    }

    fn blocks(&self, lane: usize) -> usize {
        self.0.get(lane).map_or(0, |events| events.len().div_ceil(3))
    }

    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>) {
        into.clear();
        let blocks = self.0.get(lane).and_then(|events| events.chunks(3).nth(block));
        into.extend_from_slice(blocks.unwrap_or_default());
    }
}

pub fn event(what: What, at_ms: u64, worker: u16) -> Event {
    Event {
        what,
        at_ns: at_ms * MS,
        length_ns: 0,
        task: 0,
        latency_ns: None,
        place: 0,
        worker,
        runtime: 0,
        budget_spent: false,
        open: false,
    }
}

/// A poll of a task of a place from then until then, that nobody waited for.
pub fn poll(worker: u16, place: u16, task: u64, from_ms: u64, until_ms: u64) -> Event {
    let length_ns = (until_ms - from_ms) * MS;
    Event { place, task, length_ns, ..event(What::Poll, from_ms, worker) }
}

/// Events, with more said about them.
pub trait EventExt {
    fn after(self, waited_ms: u64) -> Event;
    fn spent(self) -> Event;
    fn open(self) -> Event;
}

impl EventExt for Event {
    fn after(self, waited_ms: u64) -> Event {
        Event { latency_ns: Some(waited_ms * MS), ..self }
    }

    fn spent(self) -> Event {
        Event { budget_spent: true, ..self }
    }

    fn open(self) -> Event {
        Event { open: true, ..self }
    }
}

pub fn of_task(what: What, task: u64, place: u16, at_ms: u64) -> Event {
    Event { task, place, ..event(what, at_ms, 0) }
}

pub fn thread(number: u64) -> Event {
    Event { task: number, ..event(What::Thread, 0, 0) }
}

pub fn known(until_ms: u64) -> Known {
    let place = |line| Place { file: "a.rs".into(), line };
    Known {
        until_ns: until_ms * MS,
        places: vec![place(1), place(2)],
        has_latency: true,
        sees_polls: true,
        stopped: true,
        ..Known::default()
    }
}

pub fn name(place: &Place) -> Option<String> {
    [(1, "imports"), (2, "requests")]
        .into_iter()
        .find(|(line, _)| *line == place.line)
        .map(|(_, name)| name.into())
}

pub fn analysed(lanes: Vec<Vec<Event>>, known: &Known) -> Analysed {
    let analysed = analyse(&Made(lanes), known, &name);
    sums_hold(&analysed);
    analysed
}

/// What holds of every recording: charges are what was waited, once by edges and once poll by poll.
pub fn sums_hold(analysed: &Analysed) {
    sums_hold_over(analysed, 0.0);
}

/// The same for a recording whose times are so far apart: a nanosecond is nothing to a number that
/// must hold centuries.
pub fn sums_hold_over(analysed: &Analysed, span_ms: f64) {
    let Some(blame) = &analysed.sched.blame else { return };
    let near =
        |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0) + 1e-12 * span_ms;
    let edges: f64 = blame.edges.iter().map(|edge| edge.ms).sum();
    assert!(near(edges, blame.waited_ms), "{edges} {}", blame.waited_ms);
    let polls = analysed.inflicted.iter().map(|poll| &poll.by_victim);
    let all = polls.chain(analysed.short.iter().map(|short| &short.by_victim));
    let all = all.chain(analysed.other.iter().map(|other| &other.1)).flatten();
    let sum = all.map(|victim| victim.1 / 1e6).sum();
    assert!(near(sum, blame.waited_ms), "{sum} {}", blame.waited_ms);
    for edge in &blame.edges {
        assert!(
            edge.ms > 0.0
                && edge.waits <= blame.waits
                && edge.victim < analysed.sched.task_kinds.len(),
            "{edge:?}"
        );
        assert!(
            !matches!(edge.culprit, Culprit::TaskKind(task_kind) if task_kind >= analysed.sched.task_kinds.len())
        );
    }
}

/// Edges as `(culprit, victim, milliseconds, waits)`, by their names and in the order of these.
pub fn edges(analysed: &Analysed) -> Vec<(String, String, f64, u64)> {
    let name = |task_kind: usize| analysed.sched.task_kinds[task_kind].name.clone();
    let blame = analysed.sched.blame.as_ref().unwrap();
    let edge = |edge: &crate::scheduler::Edge| {
        let culprit = match edge.culprit {
            Culprit::TaskKind(task_kind) => name(task_kind),
            other => format!("{other:?}"),
        };
        (culprit, name(edge.victim), (edge.ms * 1e6).round() / 1e6, edge.waits)
    };
    let mut edges: Vec<_> = blame.edges.iter().map(edge).collect();
    edges.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    edges
}

/// One edge of [`edges`].
pub fn edge(culprit: &str, victim: &str, ms: f64, waits: u64) -> (String, String, f64, u64) {
    (culprit.into(), victim.into(), ms, waits)
}
