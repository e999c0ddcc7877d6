//! What a scenario is: plain data with function pointers in it.
//!
//! A table of structs, so that a listed variant cannot lack its code and code cannot lack its
//! listing. `new` takes what no scenario can do without; a method with the name of a field replaces
//! the default of that field. All of them are `const`, so that a scenario is a `static`.

use crate::{Claim, CommonClaim, Cx, Metric, no_input};
use lab_recording::{Cause, Kind, Load};

/// One way of misbehaving, with its default load and its variants.
#[derive(Debug)]
pub struct Scenario {
    /// The word typed after `lab run`: lower case, no blanks.
    pub name: &'static str,
    /// One line for `lab list`.
    pub summary: &'static str,
    /// The chapter of the book that teaches it, if there is one.
    pub chapter: Option<&'static str>,
    /// The load of every variant unless the command line changes it.
    pub load: Load,
    /// Measured time under `lab verify`, in milliseconds: as short as the claims bear. The load's
    /// own if there is none.
    pub brief_ms: Option<u64>,
    /// The metric that decides a comparison.
    pub primary: &'static str,
    /// The columns of a table of its runs.
    pub columns: &'static [Column],
    /// Its own counters and stopwatches that can be compared, beside those that every run has.
    pub metrics: &'static [Metric],
    /// Judges a load before anything is started or written: input files, sizes, combinations of
    /// options. Its error is shown to the user as it is, so it names the next step. [`no_input`]
    /// fits a scenario that reads no files.
    pub check: fn(&Load) -> anyhow::Result<()>,
    /// What everybody repeats about this fault, and what its variants show.
    pub ledger: &'static [CommonClaim],
    /// What each trap pretends to mend.
    pub controls: &'static [Control],
    /// The buggy variant first, its default fix second, then the others in the order they are told.
    pub variants: &'static [Variant],
}

impl Scenario {
    /// A service under a stream of requests: [`Load::DEFAULT`], no input files, response times in
    /// the table, and the 99th percentile of the response decides a comparison.
    pub const fn new(
        name: &'static str,
        summary: &'static str,
        variants: &'static [Variant],
    ) -> Scenario {
        Scenario {
            name,
            summary,
            chapter: None,
            load: Load::DEFAULT,
            brief_ms: None,
            primary: "response_p99_us",
            columns: Column::RESPONSES,
            metrics: &[],
            check: no_input,
            ledger: &[],
            controls: &[],
            variants,
        }
    }

    /// A closed batch of work: [`Load::BATCH`], polls, wakes and allocations in the table, and the
    /// CPU time per item decides a comparison.
    pub const fn batch(
        name: &'static str,
        summary: &'static str,
        variants: &'static [Variant],
    ) -> Scenario {
        let mut batch = Scenario::new(name, summary, variants).load(Load::BATCH);
        batch.primary = "cpu_us_per_op";
        batch.columns = Column::BATCHES;
        batch
    }

    /// Sets [`Scenario::chapter`].
    pub const fn chapter(mut self, slug: &'static str) -> Scenario {
        self.chapter = Some(slug);
        self
    }

    /// Sets [`Scenario::load`].
    pub const fn load(mut self, load: Load) -> Scenario {
        // An assignment would drop the load that was there, and no destructor runs in a constant.
        std::mem::forget(std::mem::replace(&mut self.load, load));
        self
    }

    /// Sets [`Scenario::brief_ms`].
    pub const fn brief_ms(mut self, milliseconds: u64) -> Scenario {
        self.brief_ms = Some(milliseconds);
        self
    }

    /// Sets [`Scenario::primary`].
    pub const fn primary(mut self, metric: &'static str) -> Scenario {
        self.primary = metric;
        self
    }

    /// Sets [`Scenario::columns`].
    pub const fn columns(mut self, columns: &'static [Column]) -> Scenario {
        self.columns = columns;
        self
    }

    /// Sets [`Scenario::metrics`].
    pub const fn metrics(mut self, metrics: &'static [Metric]) -> Scenario {
        self.metrics = metrics;
        self
    }

    /// Sets [`Scenario::check`].
    pub const fn check(mut self, check: fn(&Load) -> anyhow::Result<()>) -> Scenario {
        self.check = check;
        self
    }

    /// Sets [`Scenario::ledger`].
    pub const fn ledger(mut self, ledger: &'static [CommonClaim]) -> Scenario {
        self.ledger = ledger;
        self
    }

    /// Sets [`Scenario::controls`].
    pub const fn controls(mut self, controls: &'static [Control]) -> Scenario {
        self.controls = controls;
        self
    }

    /// The load of `lab verify`: the scenario's own, as short as its claims bear.
    pub fn brief_load(&self) -> Load {
        let duration_ms = self.brief_ms.unwrap_or(self.load.duration_ms);
        Load { duration_ms, ..self.load.clone() }
    }

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

/// A negative control: what a trap pretends to mend, as a claim that the default fix keeps and the
/// trap does not.
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

    /// What matters in a closed batch: what each item costs, counted, and the CPU time of all.
    pub const BATCHES: &'static [Column] = &[
        Column::new("polls_per_op", "polls/op"),
        Column::new("wakes_per_op", "wakes/op"),
        Column::new("forced_yields_per_op", "forced/op"),
        Column::new("outer_polls", "outer"),
        Column::new("allocs_per_op", "allocs/op"),
        Column::new("cpu_ms", "CPU"),
    ];
}

/// One implementation inside a scenario.
#[derive(Debug)]
pub struct Variant {
    /// The word typed after `--variant`.
    pub name: &'static str,
    /// Its role in the story.
    pub kind: Kind,
    /// One line for `lab list` and the head of a report; may be empty.
    pub about: &'static str,
    /// The code. A plain function and not a future, because a scenario that shows a runtime
    /// refusing to shut down must own its runtime. An error or a panic is recorded as the ending
    /// `failed`.
    pub run: fn(&Cx) -> anyhow::Result<()>,
    /// What the variant promises to show, judged from recordings alone.
    pub claims: &'static [Claim],
    /// The answer, for scoring a diagnosis: present on every variant that is faulty, absent on
    /// healthy ones.
    pub truth: Option<Truth>,
}

impl Variant {
    /// A variant without claims of its own: it is expected to end by itself.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        run: fn(&Cx) -> anyhow::Result<()>,
    ) -> Variant {
        Variant { name, kind, about: "", run, claims: &[], truth: None }
    }

    /// Sets [`Variant::about`].
    pub const fn about(mut self, about: &'static str) -> Variant {
        self.about = about;
        self
    }

    /// Sets [`Variant::claims`].
    pub const fn claims(mut self, claims: &'static [Claim]) -> Variant {
        self.claims = claims;
        self
    }

    /// Sets [`Variant::truth`].
    pub const fn truth(mut self, truth: Truth) -> Variant {
        self.truth = Some(truth);
        self
    }
}

/// The answer that a faulty variant ships: what is wrong with it, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// What is wrong.
    pub cause: Cause,
    /// The function to blame, as a path that a demangled stack frame ends with, closures left out:
    /// `scenario_greedy::buggy::import`.
    pub function: &'static str,
    /// The fault shows only up to this many workers of the load; none if it shows at any number.
    /// One task that never yields starves nobody where a second worker takes the requests
    /// meanwhile, and a diagnosis that is silent there is right.
    pub workers: Option<usize>,
}

impl Truth {
    /// An answer that holds at any number of workers.
    pub const fn new(cause: Cause, function: &'static str) -> Truth {
        Truth { cause, function, workers: None }
    }

    /// Sets [`Truth::workers`].
    pub const fn at_most_workers(mut self, workers: usize) -> Truth {
        self.workers = Some(workers);
        self
    }

    /// Whether the fault can show under a load with so many workers.
    pub fn holds_at(&self, workers: usize) -> bool {
        self.workers.is_none_or(|most| workers <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_cx: &Cx) -> anyhow::Result<()> {
        Ok(())
    }

    // Statics: whether all of this can be evaluated in a constant is part of what is tested.
    static STREAM: Scenario =
        Scenario::new("stream", "a summary", &[Variant::new("buggy", Kind::Buggy, nothing)]);
    static CHANGED: Scenario = Scenario::batch(
        "changed",
        "",
        &[Variant::new("slow", Kind::Trap, nothing)
            .about("a trap")
            .claims(&[Claim::metric("few polls", "polls_per_op").at_most(2.0)])
            .truth(Truth::new(Cause::LongPoll, "changed::slow").at_most_workers(1))],
    )
    .chapter("a-chapter")
    .load(Load { size: 5, ..Load::BATCH })
    .brief_ms(400)
    .primary("allocs_per_op")
    .columns(&[Column::new("cpu_ms", "CPU")])
    .check(|load| crate::only_input(load, &[crate::Input::Files]))
    .controls(&[Control {
        trap: "slow",
        pretends: Claim::metric("no polls", "polls_per_op").equal(0.0),
    }]);

    #[test]
    fn a_name_a_summary_and_variants_are_enough() {
        assert_eq!((STREAM.name, STREAM.summary, STREAM.chapter), ("stream", "a summary", None));
        assert_eq!(STREAM.load, Load::DEFAULT);
        assert_eq!(STREAM.brief_load(), Load::DEFAULT, "without a brief duration it has its own");
        assert_eq!((STREAM.primary, STREAM.columns), ("response_p99_us", Column::RESPONSES));
        let reads_files = Load { files: Some("texts".into()), ..Load::DEFAULT };
        assert!((STREAM.check)(&reads_files).is_err(), "it takes no input unless it says so");
        let buggy = STREAM.variant("stream").unwrap();
        assert_eq!((buggy.name, buggy.about, buggy.claims.len()), ("buggy", "", 0));
        assert_eq!(buggy.truth, None);
    }

    #[test]
    fn every_default_can_be_replaced() {
        assert_eq!(CHANGED.chapter, Some("a-chapter"));
        assert_eq!((CHANGED.load.size, CHANGED.load.is_batch()), (5, true));
        assert_eq!(CHANGED.brief_load(), Load { size: 5, duration_ms: 400, ..Load::BATCH });
        assert_eq!((CHANGED.primary, CHANGED.columns.len()), ("allocs_per_op", 1));
        assert!((CHANGED.check)(&Load { files: Some("texts".into()), ..Load::BATCH }).is_ok());
        assert_eq!((CHANGED.controls[0].trap, CHANGED.ledger.len()), ("slow", 0));
        let slow = CHANGED.first(Kind::Trap).unwrap();
        assert_eq!((slow.about, slow.claims[0].says), ("a trap", "few polls"));
        let truth = slow.truth.unwrap();
        assert_eq!(
            (truth.function, truth.holds_at(1), truth.holds_at(2)),
            ("changed::slow", true, false)
        );
    }

    #[test]
    fn a_batch_is_compared_by_what_a_batch_has() {
        static BATCH: Scenario = Scenario::batch("batch", "", &[]);
        assert_eq!(BATCH.load, Load::BATCH);
        assert_eq!((BATCH.primary, BATCH.columns), ("cpu_us_per_op", Column::BATCHES));
        assert_eq!(BATCH.brief_load(), Load::BATCH);
    }
}
