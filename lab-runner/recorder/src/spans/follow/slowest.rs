//! The slowest of the spans that have a number, in bounded memory.

use crate::spans::follow::Paths;
use lab_recording::observations::{RequestPoll, SlowRequest};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Polls that one span has room for.
const MOST_POLLS: usize = 1_000;
/// Polls that all spans together have room for.
const ALL_POLLS: usize = 1 << 20;

/// The spans that are open, and the slowest of those that ended.
#[derive(Debug)]
pub(crate) struct Slowest {
    open: HashMap<u64, Followed>,
    ended: Option<Followed>,
    /// Polls for which there is room.
    room: usize,
    followed: u64,
}

impl Default for Slowest {
    fn default() -> Slowest {
        Slowest { open: HashMap::new(), ended: None, room: ALL_POLLS, followed: 0 }
    }
}

#[derive(Debug)]
struct Followed {
    number: u64,
    path: usize,
    began: Instant,
    /// How long it lasted, once it has ended.
    lasted: Duration,
    polls: Vec<Poll>,
    left_out: u64,
    /// The poll that it is in.
    entered: Option<Instant>,
    /// The innermost step that was left last and has not ended.
    step: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Poll {
    at: Duration,
    took: Duration,
    step: usize,
}

/// A slow span, and whether it has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slow {
    pub request: SlowRequest,
    pub open: bool,
}

impl Slowest {
    /// How many spans had a number.
    pub fn followed(&self) -> u64 {
        self.followed
    }

    /// A span with a number is made.
    pub fn begins(&mut self, id: u64, number: u64, path: usize) {
        let (polls, began) = (Vec::new(), Instant::now());
        let lasted = Duration::ZERO;
        self.open.insert(
            id,
            Followed { number, path, began, lasted, polls, left_out: 0, entered: None, step: None },
        );
        self.followed += 1;
    }

    /// It is entered, or a step of it is.
    pub fn enters(&mut self, id: u64, itself: bool, now: Instant) {
        let Some(followed) = self.open.get_mut(&id) else { return };
        followed.step = None;
        if itself {
            followed.entered = Some(now);
        }
    }

    /// It is left, or a step of it is. Steps are left from the innermost on: the first one tells
    /// where the poll ends.
    pub fn leaves(&mut self, id: u64, itself: bool, path: usize, now: Instant) {
        let Some(followed) = self.open.get_mut(&id) else { return };
        let step = *followed.step.get_or_insert(path);
        if !itself {
            return;
        }
        followed.step = None;
        let Some(entered) = followed.entered.take() else { return };
        if self.room == 0 || followed.polls.len() == MOST_POLLS {
            followed.left_out += 1;
            return;
        }
        self.room -= 1;
        followed.polls.push(Poll { at: entered - followed.began, took: now - entered, step });
    }

    /// A step of it is over: where a poll ends is further out again.
    pub fn step_ends(&mut self, id: u64, path: usize) {
        if let Some(followed) = self.open.get_mut(&id)
            && followed.step == Some(path)
        {
            followed.step = None;
        }
    }

    /// It is over. It is kept if the profiler runs and none was slower.
    pub fn ends(&mut self, id: u64, looking: bool) {
        let Some(mut followed) = self.open.remove(&id) else { return };
        followed.lasted = followed.began.elapsed();
        // A future that is done is dropped inside its span, which looks like one more poll.
        if followed.left_out == 0 && followed.polls.len() > 1 {
            followed.polls.pop();
            self.room += 1;
        }
        let slower = self.ended.as_ref().is_none_or(|slowest| followed.lasted > slowest.lasted);
        let dropped = if looking && slower { self.ended.replace(followed) } else { Some(followed) };
        self.room += dropped.map_or(0, |dropped| dropped.polls.len());
    }

    /// The slowest so far, open ones at their age.
    pub fn told(&self, now: Instant, paths: &Paths) -> Option<Slow> {
        let age = |followed: &Followed| now.saturating_duration_since(followed.began);
        let oldest = self.open.values().max_by_key(|followed| age(followed));
        let slower =
            |open: &&Followed| self.ended.as_ref().is_none_or(|ended| age(open) > ended.lasted);
        match (oldest.filter(slower), &self.ended) {
            (Some(open), _) => Some(Slow { request: open.told(age(open), paths), open: true }),
            (None, Some(ended)) => {
                Some(Slow { request: ended.told(ended.lasted, paths), open: false })
            }
            (None, None) => None,
        }
    }
}

impl Followed {
    fn told(&self, lasted: Duration, paths: &Paths) -> SlowRequest {
        let us = |time: Duration| time.as_nanos() as f64 / 1e3;
        let poll = |poll: &Poll| RequestPoll {
            at_us: us(poll.at),
            us: us(poll.took),
            step: paths.text(poll.step),
        };
        let now = self.entered.map(|entered| {
            let at = entered - self.began;
            Poll { at, took: lasted.saturating_sub(at), step: self.path }
        });
        let polls = self.polls.iter().chain(&now).map(poll).collect();
        SlowRequest { request: self.number, us: us(lasted), polls, left_out: self.left_out }
    }
}
