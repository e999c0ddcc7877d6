//! Running sums of waiting, one for each task kind of victims, from which what a poll inflicted
//! is read off.
//!
//! Charging each wait to each poll at every event would take *waits × polls* steps, and it is
//! starved runs that have tens of thousands of waits open. So a runtime keeps one running sum for
//! each victim task kind,
//!
//! ```text
//! level = ∫ waits in play / polls in progress
//! ```
//!
//! and what a poll inflicted on a task kind is the level where the ruler leaves the poll less
//! the level where it entered it. The level is not integrated at each event either. It is
//! linear in `per_poll = ∫ 1 / polls in progress` as long as the number of waits does not
//! change, so `sum + in_play × (per_poll − mark)` gives it at any moment, and only a change of
//! the number of waits brings `sum` and `mark` up to date. An event costs as many steps as
//! there are task kinds that wait.

/// What the workers of a runtime share.
#[derive(Default)]
pub struct Runtime {
    pub members: Vec<usize>,
    pub polling: Vec<usize>,
    at: u64,
    /// The sum of time / polls in progress.
    per_poll: f64,
    /// The sum of its polling workers' `kernel`.
    pub kernel: f64,
    /// By task kind, and behind them for all task kinds: waits whose worker polls, their sums, and
    /// `per_poll` when those were brought up to date.
    in_play: Vec<f64>,
    sum: Vec<f64>,
    mark: Vec<f64>,
}

impl Runtime {
    /// A runtime with these workers, all in no poll, from a moment on backward.
    pub fn new(members: Vec<usize>, task_kinds: usize, now: u64) -> Runtime {
        Runtime {
            members,
            at: now,
            in_play: vec![0.0; task_kinds + 1],
            sum: vec![0.0; task_kinds + 1],
            mark: vec![0.0; task_kinds + 1],
            ..Runtime::default()
        }
    }

    /// Moves the ruler back to a moment.
    pub fn tick(&mut self, now: u64) {
        if self.at == now {
            return;
        }
        let ns = self.at.saturating_sub(now) as f64;
        match self.polling.len() {
            0 => {}
            // One poll has all of it, without the division.
            1 => self.per_poll += ns,
            several => self.per_poll += ns / several as f64,
        }
        self.at = now;
    }

    /// The sum of a task kind at this moment: linear in `per_poll` since its number of
    /// waits changed last.
    pub fn level(&self, task_kind: usize) -> f64 {
        self.sum[task_kind] + self.in_play[task_kind] * (self.per_poll - self.mark[task_kind])
    }

    /// More or fewer waits of a task kind in play: from here on its sum, and that of all
    /// task kinds, grows at another rate.
    pub fn change(&mut self, task_kind: usize, by: f64) {
        for index in [task_kind, self.in_play.len() - 1] {
            self.sum[index] = self.level(index);
            self.mark[index] = self.per_poll;
            self.in_play[index] += by;
        }
    }
}
