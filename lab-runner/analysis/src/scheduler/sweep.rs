//! The way back through a recording: all lanes at once, from the last event to the first. Turns
//! events into what workers do and who waits for them, for [`Engine`] to charge and for a
//! [`SweepObserver`] to look at.
//!
//! A lane is the row of events of one thread. The lanes are merged by a heap that always hands out
//! the lane whose next event ends latest, so that the ruler of [`Engine`] moves in one direction. A
//! recording does not fit into memory: lanes are read block by block, and what a left-out block
//! began is known from its index.
//!
//! At one moment several things happen: a poll ends, another begins, a wait ends with it.
//! Everything that *ends* at a moment is taken off first and what *arrives* there is kept back
//! (`Arrival`), or a wait would be charged to the very poll that it waited for.

use crate::scheduler::begins::{Begins, Wait};
use crate::scheduler::changes::{Change, WorkerChange};
use crate::scheduler::charge::{Engine, State};
use crate::scheduler::charges::Charges;
use crate::scheduler::lanes::{Back, Quick};
use crate::scheduler::part::Beyond;
use crate::scheduler::survey::Survey;
use lab_recording::scheduler::{Blocks, Event, What};
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

/// Polls inside each other on one thread, as a runtime inside `block_in_place` makes them; deeper
/// ones are left out.
pub const DEEPEST: usize = 16;

/// Looks on while time runs backward. All times are in nanoseconds.
pub trait SweepObserver {
    /// Whether it wants to know who is charged with what, and not only how many wait.
    const CHARGES: bool = true;

    /// The times that it looks at.
    fn looks_at(&self) -> Range<u64> {
        0..u64::MAX
    }

    /// How many tasks waited from here until there, and how many of them for a worker that polled.
    fn waited(&mut self, from: u64, until: u64, waiting: u64, in_play: u64);

    /// A worker did this from here until there.
    fn did(&mut self, worker: usize, from: u64, until: u64, what: State);

    /// A poll of a task kind's task; each is reported once.
    fn poll(&mut self, _poll: &Event, _worker: usize, _slot: usize) {}

    /// A poll no longer holds its worker, which it did for some time. The engine knows what it
    /// inflicted.
    fn over(&mut self, held: &Held, _length_ns: u64, engine: &mut Engine) {
        engine.inflicted(held.worker, |_, _, _| {});
    }
}

/// A poll that holds a worker.
#[derive(Clone, Copy)]
pub struct Held {
    pub worker: usize,
    pub slot: usize,
    pub task: u64,
    pub begin: u64,
    pub thread: u64,
    lane: usize,
}

/// A worker as its events tell.
struct Bench {
    poll: Option<Held>,
    asleep: bool,
    /// Ranges of missing events that this moment lies in.
    missing: u32,
    changed: u64,
}

impl Bench {
    fn does(&self) -> State {
        match self.poll {
            Some(held) => State::Polls(held.slot),
            None if self.asleep => State::Asleep,
            None => State::Outside,
        }
    }
}

/// A lane on the way back.
struct Lane<'a> {
    back: Back,
    /// Threads up to that of this moment.
    threads: &'a [u64],
    /// Polls that gave their worker away, up to this moment.
    cuts: &'a [(u64, u64)],
    open: Vec<Running>,
    /// Begins of polls that are known from later blocks, which were left out.
    reported: Vec<u64>,
}

/// A poll whose end was passed and whose begin was not.
struct Running {
    event: Event,
    held: Held,
    /// Until when it held its worker, if that is still to come.
    holds_until: Option<u64>,
}

/// What happens at this moment, but must be done after all that ends at it.
enum Arrival {
    Held(Held),
    Wait { worker: usize, slot: usize, since: u64 },
}

/// The poll of a task that comes after the one that is looked for.
struct Next {
    runnable: u64,
    slot: usize,
    counted: bool,
}

/// What all waits come to.
pub struct Waits {
    pub count: u64,
    /// Nanoseconds, by task kind.
    pub ns: Vec<f64>,
    /// Those that were charged to the tasks themselves.
    pub own: Charges,
}

/// What the way back leaves.
pub struct Swept<W> {
    pub charged: Charges,
    pub waits: Waits,
    pub watch: W,
}

/// See the module.
pub struct Sweep<'a, B, W> {
    blocks: &'a B,
    survey: &'a Survey,
    changes: &'a [Change],
    looks_at: Range<u64>,
    benches: Vec<Bench>,
    lanes: Vec<Lane<'a>>,
    order: BinaryHeap<(u64, usize)>,
    begins: Begins,
    arrivals: Vec<Arrival>,
    nexts: HashMap<u64, Next, Quick>,
    engine: Engine,
    waits: Waits,
    watch: W,
}

impl<'a, B: Blocks, W: SweepObserver> Sweep<'a, B, W> {
    pub fn new(
        blocks: &'a B,
        survey: &'a Survey,
        cuts: &'a [Vec<(u64, u64)>],
        changes: &'a [Change],
        until: u64,
        watch: W,
    ) -> Self {
        let task_kinds = survey.slots.len();
        let runtimes: Vec<u8> = survey.crew.of.iter().map(|(runtime, _)| *runtime).collect();
        let lane = |lane: usize| Lane {
            back: Back::new(blocks, lane),
            threads: &survey.lanes[lane].threads,
            cuts: &cuts[lane],
            open: Vec::new(),
            reported: Vec::new(),
        };
        let bench =
            |asleep: &bool| Bench { poll: None, asleep: *asleep, missing: 0, changed: until };
        let mut sweep = Sweep {
            blocks,
            survey,
            changes,
            looks_at: watch.looks_at(),
            benches: survey.asleep.iter().map(bench).collect(),
            lanes: (0..blocks.lanes()).map(lane).collect(),
            order: BinaryHeap::new(),
            begins: Begins::default(),
            arrivals: Vec::new(),
            nexts: HashMap::default(),
            engine: Engine::new(task_kinds, &runtimes, until),
            waits: Waits { count: 0, ns: vec![0.0; task_kinds], own: Charges::new(1, task_kinds) },
            watch,
        };
        (0..runtimes.len()).for_each(|worker| sweep.turn(worker));
        sweep
    }

    /// With waits that are open from blocks on that are left out.
    pub fn with(mut self, beyond: Beyond) -> Self {
        let opened = self.engine.now;
        self.engine.waiting = beyond.waits;
        let wait = |since| Wait { since, worker: 0, slot: 0, opened };
        beyond.begins.into_iter().for_each(|since| self.begins.push(wait(since)));
        self.lanes
            .iter_mut()
            .zip(beyond.reported)
            .for_each(|(lane, reported)| lane.reported = reported);
        self
    }

    /// Goes all the way back, as far as anybody looks.
    pub fn run(mut self) -> Swept<W> {
        self.order =
            (0..self.lanes.len()).filter_map(|lane| Some((self.key(lane)?, lane))).collect();
        loop {
            let lane = self.order.peek().copied();
            let begin = self.begins.peek().map(|wait| wait.since);
            let change = self.changes.first().map(|change| change.at);
            let Some(next) = begin.max(change).max(lane.map(|lane| lane.0)) else {
                if self.arrivals.is_empty() {
                    break;
                }
                self.arrive();
                continue;
            };
            if next < self.engine.now {
                if !self.arrivals.is_empty() {
                    // A wait that arrives now may begin before whatever comes next.
                    self.arrive();
                    continue;
                }
                self.watch.waited(next, self.engine.now, self.engine.waiting, self.engine.in_play);
                self.engine.now = next;
                if !W::CHARGES && next <= self.looks_at.start {
                    break;
                }
            }
            match lane {
                _ if begin == Some(next) => self.begin_wait(),
                _ if change == Some(next) => self.change(),
                Some((_, lane)) => self.step(lane),
                None => {}
            }
        }
        self.engine.now = self.looks_at.start;
        (0..self.benches.len()).for_each(|worker| self.tell(worker));
        Swept { charged: self.engine.all, waits: self.waits, watch: self.watch }
    }

    /// When the next thing happens in a lane; none at its beginning.
    fn key(&mut self, lane: usize) -> Option<u64> {
        let of = &mut self.lanes[lane];
        let event = of.back.peek(self.blocks, lane).map(Event::end_ns);
        event.max(of.open.last().map(Running::key))
    }

    /// All that happens in a lane at this moment.
    fn step(&mut self, lane: usize) {
        let key = loop {
            self.next(lane);
            let key = self.key(lane);
            if key < Some(self.engine.now) {
                break key;
            }
        };
        if let Some(mut top) = self.order.peek_mut() {
            match key {
                Some(key) => top.0 = key,
                None => drop(PeekMut::pop(top)),
            }
        }
    }

    fn next(&mut self, lane: usize) {
        let of = &mut self.lanes[lane];
        let event = of.back.peek(self.blocks, lane).map(Event::end_ns);
        match of.open.last_mut() {
            Some(poll) if Some(poll.key()) >= event => match poll.holds_until.take() {
                Some(_) => self.hold(lane),
                None => self.begin_poll(lane),
            },
            _ => self.event(lane),
        }
    }

    fn event(&mut self, lane: usize) {
        let Some(event) = self.lanes[lane].back.take() else { return };
        match event.what {
            What::Poll => self.end_poll(lane, event),
            What::Spawn | What::End if self.nexts.is_empty() => {}
            What::Spawn | What::End => {
                self.nexts.remove(&event.task);
            }
            What::Thread => {
                let threads = &mut self.lanes[lane].threads;
                *threads = threads.split_last().map_or(&[], |(_, before)| before);
            }
            What::Park | What::Unpark => {
                if let Some(worker) = self.survey.crew.get(&event) {
                    let poll = self.benches[worker].poll;
                    self.becomes(worker, poll, event.what == What::Unpark);
                }
            }
        }
    }

    fn end_poll(&mut self, lane: usize, event: Event) {
        let of = &mut self.lanes[lane];
        let known = |of: &Lane<'_>| {
            let mut begins = of.open.iter().map(|poll| &poll.event.at_ns).chain(&of.reported);
            begins.any(|begin| *begin == event.at_ns)
        };
        let known = event.open && known(of);
        let Some(worker) =
            self.survey.crew.get(&event).filter(|_| !known && of.open.len() < DEEPEST)
        else {
            return;
        };
        while let Some(((begin, _), before)) = of.cuts.split_last()
            && *begin > event.at_ns
        {
            of.cuts = before;
        }
        let cut = of.cuts.last().filter(|cut| cut.0 == event.at_ns).map(|cut| cut.1);
        let thread = of.threads.last().copied().unwrap_or(0);
        let end = event.end_ns().min(self.engine.now);
        let holds_until =
            Some(cut.map_or(end, |cut| cut.min(end))).filter(|until| *until > event.at_ns);
        let slot = self.survey.slots.get(event.place);
        let held = Held { worker, slot, task: event.task, begin: event.at_ns, thread, lane };
        of.open.push(Running { event, held, holds_until });
    }

    fn hold(&mut self, lane: usize) {
        if let Some(poll) = self.lanes[lane].open.last() {
            self.arrivals.push(Arrival::Held(poll.held));
        }
    }

    fn begin_poll(&mut self, lane: usize) {
        let Some(Running { event, held, .. }) = self.lanes[lane].open.pop() else { return };
        let poll = self.benches[held.worker].poll;
        if poll.is_some_and(|poll| (poll.lane, poll.begin) == (lane, held.begin)) {
            self.becomes(held.worker, None, false);
        }
        self.watch.poll(&event, held.worker, held.slot);
        let since = event.runnable_ns().filter(|since| *since < self.engine.now);
        if let Some(since) = since.filter(|since| *since < self.looks_at.end) {
            self.arrivals.push(Arrival::Wait { worker: held.worker, slot: held.slot, since });
            self.waits.count += 1;
            self.waits.ns[held.slot] += (self.engine.now - since) as f64;
        }
        if W::CHARGES && self.survey.spenders.may_have(event.task) {
            self.own_budget(&event, held.slot, since.is_some());
        }
    }

    /// A task whose budget is spent when a poll ends is woken later than it could be: until then it
    /// waits for itself.
    fn own_budget(&mut self, poll: &Event, slot: usize, counted: bool) {
        let next = self.nexts.remove(&poll.task).filter(|_| poll.budget_spent);
        if let Some(next) = next.filter(|next| next.runnable > poll.end_ns()) {
            let ns = (next.runnable - poll.end_ns()) as f64;
            self.waits.own.add(0, next.slot, ns);
            self.waits.own.count(0, next.slot, 1);
            self.waits.ns[next.slot] += ns;
            self.waits.count += u64::from(!next.counted);
        }
        if let Some(runnable) = poll.runnable_ns() {
            self.nexts.insert(poll.task, Next { runnable, slot, counted });
        }
    }

    fn arrive(&mut self) {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        for arrival in arrivals.drain(..) {
            match arrival {
                Arrival::Held(held) => {
                    let bench = &self.benches[held.worker];
                    // Two polls at once on one worker are no sane data: the later one has it.
                    if bench.poll.is_none() && bench.missing == 0 && held.begin < self.engine.now {
                        self.becomes(held.worker, Some(held), false);
                    }
                }
                Arrival::Wait { worker, slot, since } => self.open(worker, slot, since),
            }
        }
        self.arrivals = arrivals;
    }

    fn open(&mut self, worker: usize, slot: usize, since: u64) {
        match W::CHARGES {
            true => self.engine.open(worker, slot),
            false => self.engine.waiting += 1,
        }
        if since > self.looks_at.start || W::CHARGES {
            self.begins.push(Wait {
                since,
                worker: worker as u16,
                slot: slot as u16,
                opened: self.engine.now,
            });
        }
    }

    fn begin_wait(&mut self) {
        let Some(Wait { worker, slot, opened, .. }) = self.begins.pop() else { return };
        match W::CHARGES {
            true => self.engine.close(usize::from(worker), usize::from(slot), opened),
            false => self.engine.waiting -= 1,
        }
    }

    fn turn(&mut self, worker: usize) {
        let bench = &self.benches[worker];
        let does = if bench.missing > 0 { State::Unknown } else { bench.does() };
        if W::CHARGES {
            self.engine.turn(worker, does);
        }
    }

    fn change(&mut self) {
        let Some((change, rest)) = self.changes.split_first() else { return };
        self.changes = rest;
        let bench = &mut self.benches[change.worker];
        match change.to {
            WorkerChange::Starved(part) => self.engine.kernel(change.worker, part),
            WorkerChange::Missing => {
                let asleep = bench.asleep;
                bench.missing += 1;
                self.becomes(change.worker, None, asleep);
            }
            WorkerChange::Recorded => {
                bench.missing = bench.missing.saturating_sub(1);
                let (poll, asleep) = (bench.poll, bench.asleep);
                self.becomes(change.worker, poll, asleep);
            }
        }
    }

    /// Tells what a worker did since its last change.
    fn tell(&mut self, worker: usize) {
        let bench = &mut self.benches[worker];
        if bench.changed > self.engine.now {
            self.watch.did(worker, self.engine.now, bench.changed, bench.does());
            bench.changed = self.engine.now;
        }
    }

    fn becomes(&mut self, worker: usize, poll: Option<Held>, asleep: bool) {
        let same = |one: &Held, other: &Held| (one.lane, one.begin) == (other.lane, other.begin);
        let over = self.benches[worker]
            .poll
            .filter(|was| !poll.as_ref().is_some_and(|poll| same(poll, was)));
        if self.benches[worker].poll.is_some() && over.is_none() {
            self.benches[worker].asleep = asleep;
            return;
        }
        let changed = self.benches[worker].changed;
        self.tell(worker);
        let bench = &mut self.benches[worker];
        (bench.poll, bench.asleep) = (poll, asleep);
        self.turn(worker);
        if let Some(held) = over {
            self.watch.over(&held, changed.saturating_sub(self.engine.now), &mut self.engine);
        }
    }
}

impl Running {
    fn key(&self) -> u64 {
        self.holds_until.unwrap_or(self.event.at_ns)
    }
}
