//! What a scenario is: plain data with function pointers in it.
//!
//! A table of structs, so that a listed variant cannot lack its code and code cannot lack its listing.

use crate::{Claim, CommonClaim, Cx, Metric};
use lab_recording::{Cause, Kind, Load};

/// One way of misbehaving, with its default load and its variants.
#[derive(Debug)]
pub struct Scenario {
    /// The word typed after `lab run`: lower case, no blanks.
    pub name: &'static str,
    /// One line for `lab list`.
    pub summary: &'static str,
    /// The slug of the book chapter that teaches it.
    pub chapter: &'static str,
    /// What is asked of every variant unless the command line says otherwise.
    pub load: Load,
    /// Measured time under `lab verify`, in milliseconds: as short as the claims bear. Batches have none.
    pub brief_ms: u64,
    /// The metric that decides a comparison.
    pub primary: &'static str,
    /// What a table of its runs shows.
    pub columns: &'static [Column],
    /// Its own counters and stopwatches that can be compared, beside those that every run has.
    pub metrics: &'static [Metric],
    /// Judges a load before anything is started or written: input files, sizes, combinations of options.
    /// Its error is shown to the user as it is, so it names the next step. [`crate::no_input`] fits a
    /// scenario that reads no files.
    pub check: fn(&Load) -> anyhow::Result<()>,
    /// What everybody repeats about this fault, and what its variants show.
    pub ledger: &'static [CommonClaim],
    /// What each trap pretends to mend.
    pub controls: &'static [Control],
    /// The buggy variant first, its default fix second, then the others in the order they are told.
    pub variants: &'static [Variant],
}

impl Scenario {
    /// The variant called `name`. The buggy one also answers to the scenario's own name.
    pub fn variant(&self, name: &str) -> Option<&'static Variant> {
        let alias = |v: &&Variant| v.kind == Kind::Buggy && name == self.name;
        self.variants.iter().find(|v| v.name == name || alias(v))
    }

    /// The first variant of a kind: `Kind::Buggy` and `Kind::Fixed` have exactly one.
    pub fn first(&self, kind: Kind) -> Option<&'static Variant> {
        self.variants.iter().find(|v| v.kind == kind)
    }
}

/// A negative control: what a trap pretends to mend, as a claim that the default fix keeps and the trap does not.
///
/// Measured in the same way on both, so that a lab which calls everything a fix is found out.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// The trap.
    pub trap: &'static str,
    /// The claim.
    pub pretends: Claim,
}

/// A column of the table that shows several runs: a metric and its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The metric.
    pub metric: &'static str,
    /// Its head, 10 characters at most.
    pub head: &'static str,
}

impl Column {
    /// A column.
    pub const fn new(metric: &'static str, head: &'static str) -> Column {
        Column { metric, head }
    }

    /// What matters where requests wait: the response, and the wait for the first poll.
    pub const RESPONSES: &'static [Column] = &[
        Column::new("response_p50_us", "p50"),
        Column::new("response_p99_us", "p99"),
        Column::new("response_max_us", "max"),
        Column::new("wait_p99_us", "wait p99"),
    ];
}

/// One implementation inside a scenario.
#[derive(Debug)]
pub struct Variant {
    /// The word typed after `--variant`.
    pub name: &'static str,
    /// Its role in the story.
    pub kind: Kind,
    /// One line for `lab list` and the head of a report.
    pub about: &'static str,
    /// The code. A plain function and not a future, because a scenario that shows a runtime refusing to
    /// shut down must own its runtime. An error or a panic is recorded as the ending `failed`.
    pub run: fn(&Cx) -> anyhow::Result<()>,
    /// What the variant promises to show, judged from recordings alone.
    pub claims: &'static [Claim],
    /// The answer, for scoring a diagnosis: present on every variant that is faulty, absent on healthy ones.
    pub truth: Option<Truth>,
}

/// The answer that a faulty variant ships: what is wrong with it, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// What is wrong.
    pub cause: Cause,
    /// The function to blame, as a path that a demangled stack frame ends with, closures left out:
    /// `scenario_greedy::buggy::import`.
    pub function: &'static str,
    /// The fault shows only up to this many workers of the load; none if it shows at any number. One task that never yields starves
    /// nobody where a second worker takes the requests meanwhile, and a diagnosis that is silent there is right.
    pub workers: Option<usize>,
}

impl Truth {
    /// Whether the fault can show under a load with so many workers.
    pub fn holds_at(&self, workers: usize) -> bool {
        self.workers.is_none_or(|most| workers <= most)
    }
}
