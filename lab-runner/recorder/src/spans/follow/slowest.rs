//! The slowest of the followed spans, in bounded memory.

use crate::spans::follow::Paths;
use lab_recording::observations::{RequestPoll, SlowRequest};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Most polls that are stored of one span.
const MOST_POLLS: usize = 1_000;
/// Most polls that are stored of all spans together.
const ALL_POLLS: usize = 1 << 20;

/// The open spans, and the slowest span that has ended.
#[derive(Debug)]
pub(crate) struct Slowest {
    open: HashMap<u64, Followed>,
    ended: Option<Followed>,
    /// Number of polls for which there is still room.
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
    /// Duration, after its end.
    lasted: Duration,
    polls: Vec<Poll>,
    /// Number of polls that are not stored.
    left_out: u64,
    /// Start of the poll in progress.
    entered: Option<Instant>,
    /// The innermost step that was left in this poll and has not ended.
    step: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Poll {
    at: Duration,
    took: Duration,
    step: usize,
}

/// The slowest span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slow {
    pub request: SlowRequest,
    /// Whether the span has not ended.
    pub open: bool,
}

impl Slowest {
    /// Number of spans that were followed.
    pub fn followed(&self) -> u64 {
        self.followed
    }

    /// Adds a new span.
    pub fn begins(&mut self, id: u64, number: u64, path: usize) {
        let (polls, began) = (Vec::new(), Instant::now());
        let lasted = Duration::ZERO;
        self.open.insert(
            id,
            Followed { number, path, began, lasted, polls, left_out: 0, entered: None, step: None },
        );
        self.followed += 1;
    }

    /// A span, if `itself`, or a step inside it is entered.
    pub fn enters(&mut self, id: u64, itself: bool, now: Instant) {
        let Some(followed) = self.open.get_mut(&id) else { return };
        followed.step = None;
        if itself {
            followed.entered = Some(now);
        }
    }

    /// A span, if `itself`, or a step inside it is left. At the end of a poll steps are left from
    /// the innermost to the outermost, so the first one is the step in which the poll ended.
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

    /// A step of a span has ended, so that the current poll continues in an outer step.
    pub fn step_ends(&mut self, id: u64, path: usize) {
        if let Some(followed) = self.open.get_mut(&id)
            && followed.step == Some(path)
        {
            followed.step = None;
        }
    }

    /// A span has ended. It is kept if the profiler is enabled and no other was slower.
    pub fn ends(&mut self, id: u64, enabled: bool) {
        let Some(mut followed) = self.open.remove(&id) else { return };
        followed.lasted = followed.began.elapsed();
        // `Instrumented` enters the span once more to drop a completed future, which is not a poll.
        if followed.left_out == 0 && followed.polls.len() > 1 {
            followed.polls.pop();
            self.room += 1;
        }
        let slower = self.ended.as_ref().is_none_or(|slowest| followed.lasted > slowest.lasted);
        let dropped = if enabled && slower { self.ended.replace(followed) } else { Some(followed) };
        self.room += dropped.map_or(0, |dropped| dropped.polls.len());
    }

    /// The slowest span so far; an open span counts at its age.
    pub fn slow(&self, now: Instant, paths: &Paths) -> Option<Slow> {
        let age = |followed: &Followed| now.saturating_duration_since(followed.began);
        let oldest = self.open.values().max_by_key(|followed| age(followed));
        let slower =
            |open: &&Followed| self.ended.as_ref().is_none_or(|ended| age(open) > ended.lasted);
        match (oldest.filter(slower), &self.ended) {
            (Some(open), _) => Some(Slow { request: open.request(age(open), paths), open: true }),
            (None, Some(ended)) => {
                Some(Slow { request: ended.request(ended.lasted, paths), open: false })
            }
            (None, None) => None,
        }
    }
}

impl Followed {
    fn request(&self, lasted: Duration, paths: &Paths) -> SlowRequest {
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
