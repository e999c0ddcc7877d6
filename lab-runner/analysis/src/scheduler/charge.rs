//! Charges the waiting of tasks to what the workers do meanwhile, while time runs backward.
//!
//! # The picture
//!
//! Each worker is a line on a sheet, time goes from left to right, polls are bars on the lines. A
//! wait is a span above the line of the worker that took the task at last: it begins where the task
//! became runnable and ends where its poll begins. A ruler moves over the sheet from right to left.
//! Under the ruler there are, at any moment, some bars (polls in progress) and some spans (open
//! waits), and each stretch of a span is charged to what its worker does there:
//!
//! - while that worker polls, to all polls in progress of its runtime in equal parts, because any
//!   of their workers could have taken the task had it not been busy;
//! - else to the state of the worker: asleep, outside of polls, or unknown because its events are
//!   missing;
//! - of a worker's time awake, the part in which its thread had no core goes to the kernel.
//!
//! # Why backward
//!
//! A wait is known by its end: the poll that ends it says since when the task was runnable, and on
//! which worker it ran. Going backward the length of a wait and its worker are known before any of
//! it is charged. Going forward all waits would have to be kept until their polls begin, which in a
//! starved run is when everything is over.
//!
//! What a poll inflicted is a difference of two readings of a running sum: see
//! [`running_sums`](super::running_sums).
//!
//! # A worked example
//!
//! Worker A polls `import` from 0 to 10 ms, worker B polls `report` from 6 to 12 ms. A request
//! becomes runnable at 4 ms and is taken by A at 10 ms: it waited 6 ms. The ruler goes back from 12
//! ms:
//!
//! | at | what the ruler meets | `per_poll` | level |
//! | --- | --- | --- | --- |
//! | 12 | enters `report`, reads level 0 | 0 | 0 |
//! | 10 | enters `import`, reads level 0; the wait opens, mark = 2 | 2 | 0 |
//! | 6 | leaves `report`: 2 − 0 = **2 ms** are its doing | 2 + 4/2 = 4 | 1 × (4 − 2) = 2 |
//! | 4 | the wait closes | 4 + 2/1 = 6 | 1 × (6 − 2) = 4 |
//! | 0 | leaves `import`: 4 − 0 = **4 ms** are its doing | 6 + 4/1 = 10 | 4 |
//!
//! Two of four milliseconds each while both polled, two more for `import` alone: 6 ms, as long as
//! the request waited. That charges add up to the waits is what the tests of properties hold this
//! to, for any row of events.
//!
//! # What is counted beside it
//!
//! *How many* waits a poll hit cannot be read off a sum of times. `hit` counts the waits that
//! close while a poll is in progress, and at the end of the poll those that are still open;
//! `fresh` are those that were opened after the last poll of their worker, in which no poll
//! took part. `touched` is the same for culprits that are no single poll.

use crate::scheduler::bits::Bits;
use crate::scheduler::charges::{ASLEEP, Charges, KERNEL, OTHERS, OUTSIDE, UNKNOWN};
use crate::scheduler::running_sums::Runtime;

/// What a worker does, as far as waits on it care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Polls a task of this task kind.
    Polls(usize),
    Asleep,
    Outside,
    /// Its events are missing.
    Unknown,
}

/// A worker.
struct Desk {
    runtime: usize,
    state: State,
    /// Since when, going backward, it has been in that state.
    since: u64,
    /// Where its last poll that was gone through begins: going backward it left it there.
    left: u64,
    /// The part of its time awake in which its thread waits for a core.
    kernel: f64,
    /// Groups that wait for it.
    victims: Bits,
    /// Open waits, all and by task kind.
    waiting: u32,
    waits: Vec<u32>,
    /// Those of them that no poll of this worker has taken part in: they were opened since `left`.
    fresh: Vec<u32>,
    /// In no poll: up to where each task kind's waits are charged.
    settled: Vec<u64>,
    /// In a poll: the readings of the runtime's sums from which on it is not charged.
    read: Vec<f64>,
    /// Of the poll in progress: whether it inflicted anything, what, and on how many waits.
    harmful: bool,
    inflicted: Vec<f64>,
    hit: Vec<u32>,
    /// When, going backward, each culprit was last charged with waits of this worker.
    touched: Vec<u64>,
}

/// All workers and charges.
pub struct Engine {
    task_kinds: usize,
    /// The moment that time has run back to, in nanoseconds.
    pub now: u64,
    desks: Vec<Desk>,
    runtimes: Vec<Runtime>,
    /// The charges; those of a poll are final once it was read.
    pub all: Charges,
    /// Open waits, and those of them whose worker polls.
    pub waiting: u64,
    pub in_play: u64,
}

impl Engine {
    /// Workers by the numbers of their runtimes, all in no poll, from a moment on backward.
    pub fn new(task_kinds: usize, runtimes: &[u8], now: u64) -> Engine {
        let desk = |runtime: &u8| Desk {
            runtime: usize::from(*runtime),
            state: State::Outside,
            since: now,
            left: u64::MAX,
            kernel: 0.0,
            victims: Bits::default(),
            waiting: 0,
            waits: vec![0; task_kinds],
            fresh: vec![0; task_kinds],
            settled: vec![0; task_kinds],
            read: vec![0.0; task_kinds + 1],
            harmful: false,
            inflicted: vec![0.0; task_kinds],
            hit: vec![0; task_kinds],
            touched: vec![u64::MAX; task_kinds + OTHERS],
        };
        let most = runtimes.iter().max().map_or(0, |most| usize::from(*most) + 1);
        let members_of = |number: usize| {
            let members =
                (0..runtimes.len()).filter(|worker| usize::from(runtimes[*worker]) == number);
            Runtime::new(members.collect(), task_kinds, now)
        };
        Engine {
            task_kinds,
            now,
            desks: runtimes.iter().map(desk).collect(),
            runtimes: (0..most).map(members_of).collect(),
            all: Charges::new(task_kinds + OTHERS, task_kinds),
            waiting: 0,
            in_play: 0,
        }
    }

    /// A worker did something else before this moment.
    pub fn turn(&mut self, worker: usize, to: State) {
        match self.desks[worker].state {
            same if same == to && !matches!(to, State::Polls(_)) => return,
            // Two polls one after the other are two, even of the same task kind:
            // each has readings of its own.
            State::Polls(task_kind) => self.leave(worker, task_kind),
            _ => self.settle(worker),
        }
        let desk = &mut self.desks[worker];
        (desk.state, desk.since) = (to, self.now);
        match to {
            State::Polls(_) => self.enter(worker),
            _ => desk.victims.iter().for_each(|task_kind| desk.settled[task_kind] = self.now),
        }
    }

    /// Before this moment a worker's thread waited for a core for this part of its time awake, from
    /// 0 to 1.
    pub fn kernel(&mut self, worker: usize, part: f64) {
        let before = self.desks[worker].kernel;
        if let State::Polls(_) = self.desks[worker].state {
            let runtime = self.desks[worker].runtime;
            self.runtimes[runtime].tick(self.now);
            // What was read so far had the old part; the rest of the poll has the new one.
            self.read_off(worker);
            if before > 0.0 {
                self.touch_polling(runtime, self.task_kinds + KERNEL);
            }
            self.runtimes[runtime].kernel += part - before;
        } else {
            self.settle(worker);
        }
        self.desks[worker].kernel = part;
    }

    /// A task that a worker takes at this moment had been waiting.
    pub fn open(&mut self, worker: usize, task_kind: usize) {
        let desk = &mut self.desks[worker];
        if let State::Polls(_) = desk.state {
            let runtime = &mut self.runtimes[desk.runtime];
            runtime.tick(self.now);
            runtime.change(task_kind, 1.0);
            self.in_play += 1;
        } else {
            self.settle_group(worker, task_kind);
            self.desks[worker].fresh[task_kind] += 1;
        }
        let desk = &mut self.desks[worker];
        desk.waits[task_kind] += 1;
        desk.waiting += 1;
        desk.victims.set(task_kind);
        self.waiting += 1;
    }

    /// A wait that was opened at some moment begins at this one.
    pub fn close(&mut self, worker: usize, task_kind: usize, opened: u64) {
        match self.desks[worker].state {
            State::Polls(_) => self.close_in_play(worker, task_kind),
            _ => self.close_aside(worker, task_kind, opened),
        }
        let desk = &mut self.desks[worker];
        desk.waits[task_kind] -= 1;
        desk.waiting -= 1;
        self.waiting -= 1;
        if desk.waits[task_kind] == 0 {
            desk.victims.clear(task_kind);
        }
        // Going backward the wait was opened later: a culprit that was charged since then took part
        // in it.
        for (row, touched) in desk.touched.iter().enumerate() {
            if *touched < opened {
                self.all.count(row, task_kind, 1);
            }
        }
    }

    /// What the poll that a worker has just left inflicted on each task kind, in
    /// nanoseconds, and on how many of its waits.
    pub fn inflicted(&mut self, worker: usize, mut each: impl FnMut(usize, f64, u64)) {
        let desk = &mut self.desks[worker];
        if !std::mem::take(&mut desk.harmful) {
            return;
        }
        for task_kind in 0..self.task_kinds {
            let ns = std::mem::take(&mut desk.inflicted[task_kind]);
            let hit = std::mem::take(&mut desk.hit[task_kind]);
            if ns > 0.0 {
                each(task_kind, ns, u64::from(hit));
            }
        }
    }

    fn close_in_play(&mut self, worker: usize, task_kind: usize) {
        let of = self.desks[worker].runtime;
        let runtime = &mut self.runtimes[of];
        runtime.tick(self.now);
        runtime.change(task_kind, -1.0);
        self.in_play -= 1;
        // The wait was open beside every poll in progress, and will not be there any more when they
        // are left.
        for polling in &runtime.polling {
            self.desks[*polling].hit[task_kind] += 1;
        }
        self.touch_all(worker);
    }

    fn close_aside(&mut self, worker: usize, task_kind: usize, opened: u64) {
        self.settle_group(worker, task_kind);
        self.touch_state(worker);
        let left = self.desks[worker].left;
        // Opened since the worker left its last poll: no poll of its own took part in this wait.
        if opened <= left {
            self.desks[worker].fresh[task_kind] -= 1;
        }
        let runtime = &self.runtimes[self.desks[worker].runtime];
        for polling in &runtime.polling {
            let desk = &mut self.desks[*polling];
            // A poll of another worker took part if it was in progress while this worker still
            // polled and the wait was open.
            desk.hit[task_kind] += u32::from(left < desk.since.min(opened));
        }
    }

    fn enter(&mut self, worker: usize) {
        let desk = &mut self.desks[worker];
        let runtime = &mut self.runtimes[desk.runtime];
        runtime.tick(self.now);
        runtime.polling.push(worker);
        runtime.kernel += desk.kernel;
        // All waits on this worker come into play before the readings are taken: the poll is
        // charged for them from here on.
        for task_kind in desk.victims.iter() {
            runtime.change(task_kind, f64::from(desk.waits[task_kind]));
            desk.fresh[task_kind] = 0;
        }
        self.in_play += u64::from(desk.waiting);
        (0..=self.task_kinds).for_each(|task_kind| desk.read[task_kind] = runtime.level(task_kind));
    }

    fn leave(&mut self, worker: usize, task_kind: usize) {
        let of = self.desks[worker].runtime;
        self.runtimes[of].tick(self.now);
        if self.read_off(worker) {
            self.hit_others(worker);
        }
        self.touch_polling(of, task_kind);
        if self.desks[worker].kernel > 0.0 {
            self.touch_polling(of, self.task_kinds + KERNEL);
        }
        self.touch_all(worker);
        let (desk, runtime) = (&mut self.desks[worker], &mut self.runtimes[of]);
        runtime.polling.retain(|polling| *polling != worker);
        // Subtracting floating-point numbers leaves dust; without a poll the sum is zero.
        runtime.kernel =
            if runtime.polling.is_empty() { 0.0 } else { runtime.kernel - desk.kernel };
        desk.victims
            .iter()
            .for_each(|victim| runtime.change(victim, -f64::from(desk.waits[victim])));
        self.in_play -= u64::from(desk.waiting);
        desk.left = self.now;
    }

    /// Charges a poll up to this moment; tells whether it inflicted anything at all.
    fn read_off(&mut self, worker: usize) -> bool {
        let desk = &mut self.desks[worker];
        let runtime = &self.runtimes[desk.runtime];
        let all = runtime.level(self.task_kinds);
        // Most polls hit nobody: the sum of all task kinds, kept behind theirs, tells so in one
        // comparison.
        if all > desk.read[self.task_kinds] {
            desk.harmful = true;
            for task_kind in 0..self.task_kinds {
                let level = runtime.level(task_kind);
                let ns = (level - desk.read[task_kind]).max(0.0);
                desk.read[task_kind] = level;
                if ns > 0.0 {
                    desk.inflicted[task_kind] += ns * (1.0 - desk.kernel);
                    self.all.add(self.task_kinds + KERNEL, task_kind, ns * desk.kernel);
                }
            }
            desk.read[self.task_kinds] = all;
        }
        desk.harmful
    }

    /// Counts the waits that are still open and that the poll of a worker took part in.
    fn hit_others(&mut self, worker: usize) {
        let since = self.desks[worker].since;
        let mut hit = std::mem::take(&mut self.desks[worker].hit);
        for member in &self.runtimes[self.desks[worker].runtime].members {
            let desk = &self.desks[*member];
            match desk.state {
                _ if desk.waiting == 0 => {}
                State::Polls(_) => desk
                    .victims
                    .iter()
                    .for_each(|task_kind| hit[task_kind] += desk.waits[task_kind]),
                _ if desk.left < since => {
                    desk.victims.iter().for_each(|task_kind| {
                        hit[task_kind] += desk.waits[task_kind] - desk.fresh[task_kind]
                    });
                }
                _ => {}
            }
        }
        self.desks[worker].hit = hit;
    }

    /// Charges the waits on a worker in no poll up to this moment.
    fn settle(&mut self, worker: usize) {
        self.touch_state(worker);
        for task_kind in self.desks[worker].victims.iter() {
            self.settle_group(worker, task_kind);
        }
    }

    fn settle_group(&mut self, worker: usize, task_kind: usize) {
        let desk = &mut self.desks[worker];
        let ns = desk.settled[task_kind].saturating_sub(self.now) as f64
            * f64::from(desk.waits[task_kind]);
        desk.settled[task_kind] = self.now;
        match desk.state {
            State::Outside => {
                self.all.add(self.task_kinds + OUTSIDE, task_kind, ns * (1.0 - desk.kernel));
                self.all.add(self.task_kinds + KERNEL, task_kind, ns * desk.kernel);
            }
            State::Asleep => self.all.add(self.task_kinds + ASLEEP, task_kind, ns),
            State::Unknown => self.all.add(self.task_kinds + UNKNOWN, task_kind, ns),
            State::Polls(_) => {}
        }
    }

    fn touch_state(&mut self, worker: usize) {
        let desk = &mut self.desks[worker];
        let row = match desk.state {
            _ if desk.since <= self.now || desk.waiting == 0 => return,
            State::Polls(_) => return,
            State::Asleep => ASLEEP,
            State::Outside => OUTSIDE,
            State::Unknown => UNKNOWN,
        };
        desk.touched[self.task_kinds + row] = self.now;
        if row == OUTSIDE && desk.kernel > 0.0 {
            desk.touched[self.task_kinds + KERNEL] = self.now;
        }
    }

    /// Waits on all polling workers of a runtime are charged to a culprit.
    fn touch_polling(&mut self, runtime: usize, row: usize) {
        if self.in_play == 0 {
            return;
        }
        for polling in &self.runtimes[runtime].polling {
            let desk = &mut self.desks[*polling];
            if desk.waiting > 0 {
                desk.touched[row] = self.now;
            }
        }
    }

    /// Waits on a polling worker are charged to all that is polled.
    fn touch_all(&mut self, worker: usize) {
        if self.desks[worker].waiting == 0 {
            return;
        }
        let runtime = &self.runtimes[self.desks[worker].runtime];
        for polling in &runtime.polling {
            if let State::Polls(task_kind) = self.desks[*polling].state {
                self.desks[worker].touched[task_kind] = self.now;
            }
        }
        if runtime.polling.iter().any(|polling| self.desks[*polling].kernel > 0.0) {
            self.desks[worker].touched[self.task_kinds + KERNEL] = self.now;
        }
    }
}
