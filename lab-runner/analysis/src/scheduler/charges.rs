//! A table of who is charged with whose waiting.

/// Culprits that are no groups, as rows behind those of the groups.
pub const ASLEEP: usize = 0;
pub const OUTSIDE: usize = 1;
pub const UNKNOWN: usize = 2;
pub const KERNEL: usize = 3;
pub const OTHERS: usize = 4;

/// Nanoseconds and waits of each culprit (a row) and each group that waited.
#[derive(Clone, Debug, Default)]
pub struct Charges {
    groups: usize,
    ns: Vec<f64>,
    waits: Vec<u64>,
}

impl Charges {
    pub fn new(rows: usize, groups: usize) -> Charges {
        Charges { groups, ns: vec![0.0; rows * groups], waits: vec![0; rows * groups] }
    }

    pub fn add(&mut self, row: usize, victim: usize, ns: f64) {
        self.ns[row * self.groups + victim] += ns;
    }

    pub fn count(&mut self, row: usize, victim: usize, waits: u64) {
        self.waits[row * self.groups + victim] += waits;
    }

    pub fn waits(&self, row: usize, victim: usize) -> u64 {
        self.waits[row * self.groups + victim]
    }

    /// The groups that a row's culprit was charged with, with nanoseconds and waits.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64, u64)> {
        let cell = move |victim: usize| row * self.groups + victim;
        let all = (0..self.groups)
            .map(move |victim| (victim, self.ns[cell(victim)], self.waits[cell(victim)]));
        all.filter(|(_, ns, _)| *ns > 0.0)
    }
}
