//! Scenarios and variants: plain data with function pointers.
//!
//! A scenario lists its variants as structs, so that no variant lacks its code. `new` takes the
//! required fields; a method with the name of a field replaces the default of that field. All of
//! them are `const`, so that a scenario can be a `static`.

use crate::{Claim, CommonClaim, Cx, Metric, no_input};
use lab_recording::{Cause, Kind, Load};
use std::path::Path;

/// A fault of async code, with a default load and variants.
#[derive(Debug)]
pub struct Scenario {
    /// The name on the command line, `lab run NAME`: lower case, no blanks.
    pub name: &'static str,
    /// One line for `lab list`: a sentence in lower case, without a full stop.
    pub summary: &'static str,
    /// The chapter of the book about the scenario, if there is one.
    pub chapter: Option<&'static str>,
    /// The default load of every variant.
    pub load: Load,
    /// Measured time under `lab verify`, in milliseconds: the shortest at which the claims hold. If
    /// absent, the load's own.
    pub brief_ms: Option<u64>,
    /// The metric that decides a comparison.
    pub primary: &'static str,
    /// The columns of a table of runs.
    pub columns: &'static [Column],
    /// Counters and stopwatches of the scenario that can be compared, beside the metrics of every
    /// run.
    pub metrics: &'static [Metric],
    /// Checks a load before a run: input files, sizes, combinations of options. Its error is shown
    /// to the user as it is: one sentence in lower case that names the next step. [`no_input`] is
    /// the check of a scenario without input files.
    pub check: fn(&Load) -> anyhow::Result<()>,
    /// Common claims about this fault, with the claims of variants that support the verdicts.
    pub ledger: &'static [CommonClaim],
    /// The negative control of each trap.
    pub controls: &'static [Control],
    /// The variants: the buggy one first, the default fix second, then in the order of the book.
    pub variants: &'static [Variant],
}

impl Scenario {
    /// A scenario with a stream of requests. Defaults: [`Load::DEFAULT`], no input files, latencies
    /// in the table; the 99th percentile of the response decides a comparison.
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

    /// A scenario with a closed batch. Defaults: [`Load::BATCH`], polls, wakes and allocations in
    /// the table; the CPU time per item decides a comparison.
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
        // An assignment would drop the old load, and constants cannot run destructors.
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

    /// The load of `lab verify`: the scenario's own with the measured time of
    /// [`Scenario::brief_ms`].
    pub fn brief_load(&self) -> Load {
        let duration_ms = self.brief_ms.unwrap_or(self.load.duration_ms);
        Load { duration_ms, ..self.load.clone() }
    }

    /// The variant with this name. The scenario's name stands for the buggy variant.
    pub fn variant(&self, name: &str) -> Option<&'static Variant> {
        let alias = |v: &&Variant| v.kind == Kind::Buggy && name == self.name;
        self.variants.iter().find(|v| v.name == name || alias(v))
    }

    /// The first variant of a kind: `Kind::Buggy` and `Kind::Fixed` have exactly one.
    pub fn first(&self, kind: Kind) -> Option<&'static Variant> {
        self.variants.iter().find(|v| v.kind == kind)
    }
}

/// A negative control: a claim that the default fix keeps and the trap must break.
///
/// It is measured in the same way on both. A lab that accepts every fix would fail the control.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// Name of the trap.
    pub trap: &'static str,
    /// The claim that a user of the trap would expect to hold.
    pub pretends: Claim,
}

/// A column of a table of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name of the metric.
    pub metric: &'static str,
    /// The heading, at most 10 characters.
    pub head: &'static str,
}

impl Column {
    /// A column for a metric, with its heading.
    pub const fn new(metric: &'static str, head: &'static str) -> Column {
        Column { metric, head }
    }

    /// The default columns of a stream: the response, and the wait for the first poll.
    pub const RESPONSES: &'static [Column] = &[
        Column::new("response_p50_us", "p50"),
        Column::new("response_p99_us", "p99"),
        Column::new("response_max_us", "max"),
        Column::new("wait_p99_us", "wait p99"),
    ];

    /// The default columns of a batch: counts per item, and the CPU time of the batch.
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
    /// The name on the command line, `--variant NAME`.
    pub name: &'static str,
    /// The role of the variant.
    pub kind: Kind,
    /// One line for `lab list` and the head of a report: a sentence in lower case; may be empty.
    pub about: &'static str,
    /// The code. It is a function and not a future, because a scenario about the shutdown of a
    /// runtime must own the runtime. An error or a panic is recorded as the ending `failed`.
    pub run: fn(&Cx) -> anyhow::Result<()>,
    /// The program whose child process runs the variant, if that is not the lab's own binary. `run`
    /// is not called then.
    pub program: Option<&'static Path>,
    /// The claims of the variant, judged from recordings alone.
    pub claims: &'static [Claim],
    /// The answer for scoring the diagnosis: present on faulty variants, absent on healthy ones.
    pub truth: Option<Truth>,
}

impl Variant {
    /// A variant without claims, which is expected to end by itself.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        run: fn(&Cx) -> anyhow::Result<()>,
    ) -> Variant {
        Variant { name, kind, about: "", run, program: None, claims: &[], truth: None }
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

/// The answer of a faulty variant: its cause and the function to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The cause that the diagnosis should find.
    pub cause: Cause,
    /// The function to blame, as the end of a demangled stack frame without closures:
    /// `scenario_greedy::buggy::import`.
    pub function: &'static str,
    /// The largest number of workers at which the fault shows; absent if it shows at any number.
    /// One task that never yields starves no request while a second worker serves the requests; a
    /// diagnosis without a finding is right there.
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

    /// Whether the fault can show under a load with this number of workers.
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

    // Statics, because the test includes that all of this can be evaluated in a constant.
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
        assert_eq!(STREAM.brief_load(), Load::DEFAULT, "no brief duration: the load's own");
        assert_eq!((STREAM.primary, STREAM.columns), ("response_p99_us", Column::RESPONSES));
        let reads_files = Load { files: Some("texts".into()), ..Load::DEFAULT };
        assert!((STREAM.check)(&reads_files).is_err(), "a scenario takes no input by default");
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
    fn a_batch_is_compared_by_cpu_time() {
        static BATCH: Scenario = Scenario::batch("batch", "", &[]);
        assert_eq!(BATCH.load, Load::BATCH);
        assert_eq!((BATCH.primary, BATCH.columns), ("cpu_us_per_op", Column::BATCHES));
        assert_eq!(BATCH.brief_load(), Load::BATCH);
    }
}
