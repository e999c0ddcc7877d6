//! Keeps what the way back through a recording comes to: distributions, the workers' time, and who
//! is charged with what.

use crate::scheduler::charge::{Engine, State};
use crate::scheduler::charges::{ASLEEP, Charges, KERNEL, OUTSIDE, UNKNOWN};
use crate::scheduler::sweep::{Held, SweepObserver, Waits};
use crate::scheduler::task_kinds::Tally;
use crate::scheduler::worst::Steps;
use crate::scheduler::{Analysed, Culprit, Edge, Inflicted, Short, Victims, Worker};
use lab_recording::scheduler::{Event, Known};

/// A poll of at least this long stalls its worker, in nanoseconds.
const STALL_NS: u64 = 10_000_000;
/// Polls that inflicted something are kept one by one if they took at least this long, in
/// nanoseconds.
const LONG_NS: u64 = 200_000;
/// Polls that are kept; if there are more, only longer ones are.
const MOST_KEPT: usize = 200_000;

/// See [`SweepObserver`].
pub struct Reckoning {
    from: u64,
    until: u64,
    task_kinds: usize,
    tallies: Vec<Tally>,
    workers: Vec<Worker>,
    steps: Steps,
    long_ns: u64,
    kept: Vec<Inflicted>,
    /// What polls inflicted that are not kept.
    short: Charges,
    /// What all polls inflicted.
    polls: Vec<Vec<f64>>,
}

/// What it came to; task kinds by their slots.
pub struct Reckoned {
    pub tallies: Vec<Tally>,
    pub workers: Vec<Worker>,
    pub steps: Steps,
    pub edges: Vec<Edge>,
    pub analysed: Analysed,
}

impl SweepObserver for Reckoning {
    fn waited(&mut self, from: u64, until: u64, waiting: u64, in_play: u64) {
        self.steps.add(from, until, waiting, in_play);
    }

    fn did(&mut self, worker: usize, from: u64, until: u64, what: State) {
        let length = until - from;
        let ms = until.min(self.until).saturating_sub(from.max(self.from)) as f64 / 1e6;
        let worker = &mut self.workers[worker];
        match what {
            State::Polls(_) if length >= STALL_NS => worker.stalled_ms += ms,
            State::Polls(_) => worker.busy_ms += ms,
            State::Asleep => worker.idle_ms += ms,
            State::Outside | State::Unknown => worker.outside_ms += ms,
        }
    }

    fn poll(&mut self, poll: &Event, worker: usize, slot: usize) {
        self.workers[worker].polls += 1;
        self.tallies[slot].add(poll);
    }

    fn over(&mut self, held: &Held, length_ns: u64, engine: &mut Engine) {
        let mut by_victim = Victims::new();
        let (long, task_kind) = (length_ns >= self.long_ns, held.slot);
        engine.inflicted(held.worker, |victim, ns, waits| {
            self.polls[task_kind][victim] += ns;
            if long {
                by_victim.push((victim, ns, waits));
            } else {
                self.short.add(task_kind, victim, ns);
                self.short.count(task_kind, victim, waits);
            }
        });
        if !by_victim.is_empty() {
            let (thread, task) = (held.thread, held.task);
            self.kept.push(Inflicted {
                thread,
                begin_ns: held.begin,
                length_ns,
                task_kind,
                task,
                by_victim,
            });
            self.bound();
        }
    }
}

impl Reckoning {
    pub fn new(known: &Known, task_kinds: usize, workers: usize) -> Reckoning {
        Reckoning {
            from: known.from_ns,
            until: known.until_ns,
            task_kinds,
            tallies: (0..task_kinds).map(|_| Tally::new()).collect(),
            workers: vec![Worker::default(); workers],
            steps: Steps::over(known.from_ns, known.until_ns),
            long_ns: LONG_NS,
            kept: Vec::new(),
            short: Charges::new(task_kinds, task_kinds),
            polls: vec![vec![0.0; task_kinds]; task_kinds],
        }
    }

    /// Keeps the longest polls only if there are too many.
    fn bound(&mut self) {
        while self.kept.len() > MOST_KEPT {
            self.long_ns = self.long_ns.saturating_mul(2);
            let (long, short) = (self.long_ns, &mut self.short);
            self.kept.retain(|poll| {
                if poll.length_ns < long {
                    for (victim, ns, waits) in &poll.by_victim {
                        short.add(poll.task_kind, *victim, *ns);
                        short.count(poll.task_kind, *victim, *waits);
                    }
                }
                // What cannot be doubled any more is long enough.
                poll.length_ns >= long
            });
            if long == u64::MAX {
                break;
            }
        }
    }

    pub fn finish(mut self, charged: &Charges, waits: Waits) -> (Reckoned, Waits) {
        let task_kinds = self.task_kinds;
        let others = [
            (Culprit::WorkerAsleep, charged.row(task_kinds + ASLEEP).collect()),
            (Culprit::Kernel, charged.row(task_kinds + KERNEL).collect()),
            (Culprit::OwnBudget, waits.own.row(0).collect()),
            (Culprit::OutsidePolls, charged.row(task_kinds + OUTSIDE).collect()),
            (Culprit::Unknown, charged.row(task_kinds + UNKNOWN).collect::<Victims>()),
        ];
        let other: Vec<(Culprit, Victims)> =
            others.into_iter().filter(|(_, victims): &(_, Victims)| !victims.is_empty()).collect();
        let mut edges: Vec<Edge> =
            other.iter().flat_map(|(culprit, victims)| of_culprit(*culprit, victims)).collect();
        for task_kind in 0..task_kinds {
            let victims = (0..task_kinds).map(|victim| {
                (victim, self.polls[task_kind][victim], charged.waits(task_kind, victim))
            });
            let victims: Victims = victims.filter(|(_, ns, _)| *ns > 0.0).collect();
            edges.extend(of_culprit(Culprit::TaskKind(task_kind), &victims));
        }
        edges.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        self.kept.reverse();
        let short = (0..task_kinds)
            .map(|task_kind| Short { task_kind, by_victim: self.short.row(task_kind).collect() });
        let short = short.filter(|short| !short.by_victim.is_empty()).collect();
        let analysed = Analysed { inflicted: self.kept, short, other, ..Analysed::default() };
        let Reckoning { tallies, workers, steps, .. } = self;
        (Reckoned { tallies, workers, steps, edges, analysed }, waits)
    }
}

fn of_culprit(culprit: Culprit, victims: &[(usize, f64, u64)]) -> impl Iterator<Item = Edge> {
    victims.iter().map(move |(victim, ns, waits)| Edge {
        culprit,
        victim: *victim,
        ms: ns / 1e6,
        waits: *waits,
    })
}
