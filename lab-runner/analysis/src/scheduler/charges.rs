//! A table of who is charged with whose waiting.

/// Culprits that are no task kinds, as rows behind those of the task kinds.
pub const ASLEEP: usize = 0;
pub const OUTSIDE: usize = 1;
pub const UNKNOWN: usize = 2;
pub const KERNEL: usize = 3;
pub const OTHERS: usize = 4;

/// Nanoseconds and waits of each culprit (a row) and each task kind that waited.
#[derive(Clone, Debug, Default)]
pub struct Charges {
    task_kinds: usize,
    ns: Vec<f64>,
    waits: Vec<u64>,
}

impl Charges {
    pub fn new(rows: usize, task_kinds: usize) -> Charges {
        Charges { task_kinds, ns: vec![0.0; rows * task_kinds], waits: vec![0; rows * task_kinds] }
    }

    pub fn add(&mut self, row: usize, victim: usize, ns: f64) {
        self.ns[row * self.task_kinds + victim] += ns;
    }

    pub fn count(&mut self, row: usize, victim: usize, waits: u64) {
        self.waits[row * self.task_kinds + victim] += waits;
    }

    pub fn waits(&self, row: usize, victim: usize) -> u64 {
        self.waits[row * self.task_kinds + victim]
    }

    /// The task kinds that a row's culprit was charged with, with nanoseconds and waits.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64, u64)> {
        let cell = move |victim: usize| row * self.task_kinds + victim;
        let all = (0..self.task_kinds)
            .map(move |victim| (victim, self.ns[cell(victim)], self.waits[cell(victim)]));
        all.filter(|(_, ns, _)| *ns > 0.0)
    }
}
