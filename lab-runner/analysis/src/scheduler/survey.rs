//! The first way through a recording, forward: which task kinds and workers there are, which tasks
//! ended, whose thread waited for a core, and what the way back has to know beforehand.

use crate::scheduler::cores::{Clock, Samples, Window};
use crate::scheduler::lanes::{forward, mixed};
use crate::scheduler::live::Live;
use crate::scheduler::task_kinds::Slots;
use lab_recording::scheduler::{Blocks, Dropped, Event, Known, What};
use std::collections::BTreeMap;

/// Workers that are told apart: more have no machine that the lab runs on, and a damaged file does.
const MOST_WORKERS: usize = 1_024;
/// Ends of tasks of which it is not yet known whether the poll in progress is theirs.
const MOST_ENDS: usize = 64;

/// Small numbers for the workers that occur.
#[derive(Default)]
pub struct Crew {
    index: Vec<Vec<Option<u16>>>,
    /// Runtime and number of each.
    pub of: Vec<(u8, u16)>,
}

impl Crew {
    /// The number of the worker that an event is of.
    pub fn get(&self, event: &Event) -> Option<usize> {
        let workers = self.index.get(usize::from(event.runtime))?;
        workers.get(usize::from(event.worker)).copied().flatten().map(usize::from)
    }

    fn occur(&mut self, event: &Event) -> Option<usize> {
        if let Some(known) = self.get(event) {
            return Some(known);
        }
        let (runtime, worker) = (usize::from(event.runtime), usize::from(event.worker));
        let next =
            u16::try_from(self.of.len()).ok().filter(|next| usize::from(*next) < MOST_WORKERS)?;
        self.index.resize_with(self.index.len().max(runtime + 1), Vec::new);
        let workers = &mut self.index[runtime];
        workers.resize(workers.len().max(worker + 1), None);
        workers[worker] = Some(next);
        self.of.push((event.runtime, event.worker));
        Some(usize::from(next))
    }
}

/// Tasks that may have spent their budget: a set that errs on the safe side and does not grow.
pub struct Spenders {
    bits: Vec<u64>,
    any: bool,
}

impl Spenders {
    /// What stays in a core's nearest cache: it is asked at every poll.
    const WORDS: usize = 1 << 10;

    fn none() -> Spenders {
        Spenders { bits: vec![0; Spenders::WORDS], any: false }
    }

    fn bit(task: u64) -> (usize, u64) {
        let hash = mixed(task) as usize;
        (hash / 64 % Spenders::WORDS, 1 << (hash % 64))
    }

    fn add(&mut self, task: u64) {
        let (word, bit) = Spenders::bit(task);
        self.bits[word] |= bit;
        self.any = true;
    }

    pub fn may_have(&self, task: u64) -> bool {
        let (word, bit) = Spenders::bit(task);
        self.any && self.bits[word] & bit != 0
    }
}

/// The times that the events of a block reach over, the waits before its polls included.
#[derive(Clone, Copy)]
pub struct Reach {
    pub from: u64,
    /// The same without waits.
    pub begun: u64,
    pub until: u64,
}

/// What is known of a lane.
#[derive(Default)]
pub struct LaneFacts {
    /// The kernel's numbers of its threads, in their order.
    pub threads: Vec<u64>,
    /// The workers that its threads were.
    pub workers: Vec<usize>,
    /// Of each block.
    pub reach: Vec<Reach>,
}

/// What the first way through a recording tells.
pub struct Survey {
    pub events: u64,
    pub first_ns: u64,
    pub last_ns: u64,
    pub slots: Slots,
    pub crew: Crew,
    /// By worker: whether the last that is known of it is that it went to sleep.
    pub asleep: Vec<bool>,
    pub lanes: Vec<LaneFacts>,
    /// Workers of which events are missing, from when until when.
    pub missing: Vec<(usize, u64, u64)>,
    pub windows: Vec<Window>,
    pub spenders: Spenders,
    /// By task kind.
    pub spawned: Vec<u64>,
    pub ended: Vec<u64>,
    /// Tasks of the first task kind that were spawned in polls of the second one.
    pub made: BTreeMap<(usize, usize), u64>,
    pub blocking_ended: u64,
}

impl Survey {
    /// The task kind whose polls spawned at least half of the tasks of a task kind.
    pub fn made_by(&self, slot: usize) -> Option<usize> {
        let (by, count) =
            self.made.range((slot, 0)..=(slot, usize::MAX)).max_by_key(|(_, count)| **count)?;
        (2 * count >= self.spawned[slot]).then_some(by.1)
    }
}

/// Goes through all events once.
pub fn survey(blocks: &impl Blocks, known: &Known) -> Survey {
    let samples = Samples::new(&known.core_waits);
    let mut surveyor = Surveyor::new(blocks.lanes(), known);
    forward(blocks, 0..blocks.lanes(), Event::end_ns, |lane, block, event| {
        surveyor.event(lane, block, event, &samples);
    });
    surveyor.finish()
}

/// What has to be remembered of a lane on the way.
#[derive(Default)]
struct OnLane<'a> {
    clock: Clock<'a>,
    worker: Option<usize>,
    /// Ranges in which events are missing, the earliest last.
    dropped: Vec<Dropped>,
    /// Tasks that ended since the last poll was over: task, time, place, and whether the task was
    /// known.
    ends: Vec<(u64, u64, u16, bool)>,
    /// Groups of tasks that were spawned since the last poll was over, and how many.
    spawns: Vec<(usize, u64)>,
}

struct Surveyor<'a> {
    survey: Survey,
    on: Vec<OnLane<'a>>,
    /// Tasks that were spawned or polled and have not ended.
    live: Live,
}

impl<'a> Surveyor<'a> {
    fn new(lanes: usize, known: &Known) -> Surveyor<'a> {
        let mut on: Vec<OnLane<'a>> = Vec::new();
        on.resize_with(lanes, OnLane::default);
        let mut dropped = known.dropped.clone();
        dropped.sort_by_key(|dropped| std::cmp::Reverse(dropped.until_ns));
        for range in dropped {
            if let Some(lane) = on.get_mut(usize::from(range.lane)) {
                lane.dropped.push(range);
            }
        }
        let mut facts: Vec<LaneFacts> = Vec::new();
        facts.resize_with(lanes, LaneFacts::default);
        let survey = Survey {
            events: 0,
            first_ns: u64::MAX,
            last_ns: 0,
            slots: Slots::new(known.places.len()),
            crew: Crew::default(),
            asleep: Vec::new(),
            lanes: facts,
            missing: Vec::new(),
            windows: Vec::new(),
            spenders: Spenders::none(),
            spawned: Vec::new(),
            ended: Vec::new(),
            made: BTreeMap::new(),
            blocking_ended: 0,
        };
        Surveyor { survey, on, live: Live::default() }
    }

    fn event(&mut self, lane: usize, block: usize, event: &Event, samples: &'a Samples) {
        self.reach(lane, block, event);
        match event.what {
            What::Spawn => {
                let slot = self.slot(event.place);
                self.survey.spawned[slot] += 1;
                self.spawned(lane, slot);
                self.live.insert(event.task);
            }
            What::End => self.end(lane, event),
            What::Thread => {
                self.on[lane].clock.thread(samples, event, &mut self.survey.windows);
                self.survey.lanes[lane].threads.push(event.task);
            }
            What::Poll => {
                let slot = self.slot(event.place);
                for (spawned, count) in self.on[lane].spawns.drain(..) {
                    *self.survey.made.entry((spawned, slot)).or_default() += count;
                }
                self.polled(lane, event);
                self.worked(lane, event);
            }
            What::Park | What::Unpark => self.worked(lane, event),
        }
    }

    fn spawned(&mut self, lane: usize, slot: usize) {
        let spawns = &mut self.on[lane].spawns;
        match spawns.iter_mut().find(|(of, _)| *of == slot) {
            Some((_, count)) => *count += 1,
            None => spawns.push((slot, 1)),
        }
    }

    fn reach(&mut self, lane: usize, block: usize, event: &Event) {
        let begin = event.runnable_ns().unwrap_or(event.at_ns);
        let survey = &mut self.survey;
        survey.events += 1;
        survey.first_ns = survey.first_ns.min(event.at_ns);
        survey.last_ns = survey.last_ns.max(event.end_ns());
        let reach = &mut survey.lanes[lane].reach;
        if reach.len() <= block {
            reach.resize(block + 1, Reach { from: u64::MAX, begun: u64::MAX, until: 0 });
        }
        let reach = &mut reach[block];
        reach.from = reach.from.min(begin);
        reach.begun = reach.begun.min(event.at_ns);
        reach.until = reach.until.max(event.end_ns());
    }

    fn slot(&mut self, place: u16) -> usize {
        let slot = self.survey.slots.occur(place);
        let task_kinds = self.survey.slots.len();
        if task_kinds > self.survey.spawned.len() {
            self.survey.spawned.resize(task_kinds, 0);
            self.survey.ended.resize(task_kinds, 0);
        }
        slot
    }

    fn end(&mut self, lane: usize, event: &Event) {
        let known = self.live.remove(event.task);
        if known {
            let slot = self.slot(event.place);
            self.survey.ended[slot] += 1;
        }
        let ends = &mut self.on[lane].ends;
        if ends.len() == MOST_ENDS {
            let (.., known) = ends.remove(0);
            self.survey.blocking_ended += u64::from(!known);
        }
        ends.push((event.task, event.at_ns, event.place, known));
    }

    /// A task ends inside its last poll, whose record comes after that.
    fn polled(&mut self, lane: usize, poll: &Event) {
        if poll.budget_spent {
            self.survey.spenders.add(poll.task);
        }
        if self.on[lane].ends.is_empty() {
            self.live.insert(poll.task);
            return;
        }
        let mut over = false;
        for (task, at_ns, place, known) in std::mem::take(&mut self.on[lane].ends) {
            let of_poll = task == poll.task && at_ns >= poll.at_ns;
            over |= of_poll;
            match (known, of_poll) {
                (true, _) => {}
                (false, true) => {
                    let slot = self.slot(place);
                    self.survey.ended[slot] += 1;
                }
                (false, false) => self.survey.blocking_ended += 1,
            }
        }
        if !over {
            self.live.insert(poll.task);
        }
    }

    fn worked(&mut self, lane: usize, event: &Event) {
        let Some(worker) = self.survey.crew.occur(event) else { return };
        if worker == self.survey.asleep.len() {
            self.survey.asleep.push(false);
        }
        self.survey.asleep[worker] = event.what == What::Park;
        let on = &mut self.on[lane];
        on.clock.event(event, worker, &mut self.survey.windows);
        while on.dropped.last().is_some_and(|range| range.until_ns <= event.end_ns()) {
            miss(&mut self.survey.missing, on.dropped.pop(), [on.worker, Some(worker)]);
        }
        if on.worker != Some(worker) {
            on.worker = Some(worker);
            let workers = &mut self.survey.lanes[lane].workers;
            if !workers.contains(&worker) {
                workers.push(worker);
            }
        }
    }

    fn finish(mut self) -> Survey {
        for on in self.on {
            on.dropped
                .into_iter()
                .for_each(|range| miss(&mut self.survey.missing, Some(range), [on.worker, None]));
            on.clock.finish(&mut self.survey.windows);
            self.survey.blocking_ended +=
                on.ends.iter().filter(|(.., known)| !known).count() as u64;
        }
        self.survey
    }
}

/// The workers that a lane's thread was before and after a range in which its events are missing.
fn miss(missing: &mut Vec<(usize, u64, u64)>, range: Option<Dropped>, workers: [Option<usize>; 2]) {
    let Some(range) = range.filter(|range| range.from_ns < range.until_ns) else { return };
    let [before, after] = workers;
    let after = after.filter(|after| Some(*after) != before);
    missing.extend(
        before.into_iter().chain(after).map(|worker| (worker, range.from_ns, range.until_ns)),
    );
}
