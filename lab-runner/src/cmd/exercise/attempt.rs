//! The runs of an attempt: one variant of an exercise, beside its starter, in one recording.
//!
//! Counts come first, in a run of a second or two. Then the same again with another seed, and the
//! starter under both seeds, in an order in which a host that gets slower meanwhile favours neither.
//! A third round is run if the host left a ratio of times open.

use crate::cmd::exercise::judge::{Outcome, RATIO_RUNS, Reached, outcome, reached};
use crate::cmd::exercise::pack::{Exercise, STARTER};
use crate::cmd::profile::profile;
use crate::engine::environment;
use crate::engine::execute::{batch_times, run_all};
use crate::engine::plan::{self, Planned, Sizes, Which};
use crate::engine::raw::RawLogs;
use crate::engine::supervise::Interrupts;
use anyhow::Context;
use lab_analysis::claims::Verdict;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use std::path::{Path, PathBuf};

/// An attempt at an exercise.
pub(crate) struct Attempt<'a> {
    pub exercise: &'a Exercise,
    /// The variant that is judged.
    pub variant: &'a str,
    pub scenario: &'static Scenario,
    /// The recording.
    pub folder: PathBuf,
    pub interrupts: &'a Interrupts,
    /// How many runs must decide a ratio of times.
    pub ratio_runs: usize,
}

/// What is known after some of the runs.
pub(crate) struct Known {
    pub results: Results,
    pub reached: Vec<Reached>,
    pub outcome: Outcome,
}

/// The rounds of runs of the variant and of the starter; the third only if the second left a ratio
/// open.
const ROUNDS: usize = 3;

impl<'a> Attempt<'a> {
    /// An attempt that records into `folder`.
    pub fn new(
        exercise: &'a Exercise,
        variant: &'a str,
        programs: &Path,
        folder: PathBuf,
        interrupts: &'a Interrupts,
    ) -> Attempt<'a> {
        let scenario = exercise.scenario(programs);
        Attempt { exercise, variant, scenario, folder, interrupts, ratio_runs: RATIO_RUNS }
    }

    /// One run of the variant, and its sweep where the goal is about growth: what counts can tell.
    /// Returns the signal that interrupted.
    pub fn counts(&self) -> anyhow::Result<Option<i32>> {
        let mut runs = vec![self.trial(self.variant, 1)?];
        runs.extend(self.sweep()?);
        run_all(&runs, &self.folder, self.interrupts)
    }

    /// Another run of the variant and two of the starter.
    pub fn beside_the_starter(&self) -> anyhow::Result<Option<i32>> {
        if self.variant == STARTER {
            return self.again(2);
        }
        self.trials(&[(STARTER, 1), (STARTER, 2), (self.variant, 2)])
    }

    /// A third round.
    pub fn once_more(&self) -> anyhow::Result<Option<i32>> {
        if self.variant == STARTER {
            return self.again(ROUNDS);
        }
        self.trials(&[(self.variant, ROUNDS), (STARTER, ROUNDS)])
    }

    /// Another run of the variant alone, by its number.
    pub fn again(&self, number: usize) -> anyhow::Result<Option<i32>> {
        self.trials(&[(self.variant, number)])
    }

    /// The profilers of the exercise, on the variant.
    pub fn profiles(&self) -> anyhow::Result<Option<i32>> {
        let run = self.trial(self.variant, 1)?;
        let times = batch_times(&self.folder);
        let wanted = &self.exercise.entry.profilers;
        let runs = plan::profiles(&[run], wanted, None, Some(&times));
        Ok(profile(&runs, &self.folder, self.interrupts, RawLogs::Remove))
    }

    /// What the recording says so far.
    pub fn known(&self) -> anyhow::Result<Known> {
        let results = Results::read(&self.folder, &[self.scenario])?;
        let reached = reached(self.exercise, &results, self.variant, self.ratio_runs);
        let cores = environment::here().cores;
        let outcome = outcome(self.exercise, &reached, &results, self.variant, cores);
        Ok(Known { results, reached, outcome })
    }

    fn trials(&self, order: &[(&str, usize)]) -> anyhow::Result<Option<i32>> {
        let runs = order.iter().map(|(variant, number)| self.trial(variant, *number));
        run_all(&runs.collect::<anyhow::Result<Vec<_>>>()?, &self.folder, self.interrupts)
    }

    /// The run of a variant with this number, whose seed the other variant's run shares.
    fn trial(&self, variant: &str, number: usize) -> anyhow::Result<Planned> {
        let run = plan::plan(self.scenario, Which::Named(variant), &self.exercise.load, None)?;
        let mut run = plan::trials(&run, number).pop().context("a plan without a run")?;
        if self.exercise.entry.mystery.is_some() {
            // Another seed would be another service.
            run.load.seed = self.exercise.load.seed;
        }
        Ok(run)
    }

    fn sweep(&self) -> anyhow::Result<Vec<Planned>> {
        let Some(sweep) = self.exercise.entry.sweep else { return Ok(Vec::new()) };
        let sizes = Sizes { smallest: sweep.smallest, count: sweep.count }.all();
        let sizes = sizes.context("the sizes of its sweep overflow")?;
        let variant = plan::named(self.scenario, self.variant)?;
        Ok(plan::sweep(
            self.scenario,
            &[variant],
            &self.exercise.load,
            &sizes,
            sweep.repetitions,
            None,
        ))
    }
}

impl Known {
    /// Whether a goal that needs no other run is missed already.
    pub fn is_decided(&self) -> bool {
        matches!(self.outcome, Outcome::NotYet(_) | Outcome::Hangs)
    }

    /// Whether another round could decide what is open.
    pub fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Inconclusive(_))
            && self.reached.iter().any(|reached| reached.verdict == Verdict::NotMeasured)
    }
}
