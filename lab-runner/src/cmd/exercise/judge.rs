//! From the judged claims of several runs to a verdict on one file. Pure.
//!
//! Evidence is reduced by its kind. A liveness or a count does not depend on the host, so one run
//! that breaks it decides. A ratio of times is decided by most of the runs that could decide it,
//! and by at least two: one bad moment of the host is no verdict. Whatever is left open makes the
//! verdict inconclusive, which is not a failure.

use crate::cmd::exercise::manifest::Rung;
use crate::cmd::exercise::pack::{Exercise, Goal};
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::results::Results;
use lab_recording::Ending;

/// A goal with the verdict of all runs.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub goal: Goal,
    pub verdict: Verdict,
    /// The judged claim that stands for all: of the verdict's own kind.
    pub shown: Option<Judged>,
}

/// The verdict on a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Every goal is met.
    Solved,
    /// This goal is missed.
    NotYet(usize),
    /// The program does not end.
    Hangs,
    /// Goals are undecided, for this reason.
    Inconclusive(String),
}

/// How many runs must decide a ratio of times before a learner's file is judged by it.
pub(crate) const RATIO_RUNS: usize = 2;

/// The goals of `exercise`, from everything that was recorded of `variant`. A ratio of times counts
/// if so many runs could decide it.
pub(crate) fn reached(
    exercise: &Exercise,
    results: &Results,
    variant: &str,
    ratio_runs: usize,
) -> Vec<Reached> {
    let all: Vec<&Judged> =
        results.claims().filter(|(of, _)| *of == variant).map(|(_, judged)| judged).collect();
    exercise.goals.iter().map(|goal| one(*goal, &all, ratio_runs)).collect()
}

fn one(goal: Goal, all: &[&Judged], ratio_runs: usize) -> Reached {
    let of_goal: Vec<&Judged> = all
        .iter()
        .copied()
        .filter(|judged| judged.claim == goal.claim && judged.applicable)
        .collect();
    let with = |verdict| of_goal.iter().filter(move |judged| judged.verdict == verdict).count();
    let (held, broken) = (with(Verdict::Held), with(Verdict::Broken));
    let verdict = match goal.rung {
        Rung::Liveness | Rung::Count if broken > 0 => Verdict::Broken,
        Rung::Liveness | Rung::Count if held > 0 => Verdict::Held,
        Rung::Slope if broken > held => Verdict::Broken,
        Rung::Slope if held > broken => Verdict::Held,
        Rung::Ratio if held + broken >= ratio_runs && held > broken => Verdict::Held,
        Rung::Ratio if held + broken >= ratio_runs && broken > held => Verdict::Broken,
        _ => Verdict::NotMeasured,
    };
    let shown = of_goal
        .iter()
        .find(|judged| judged.verdict == verdict)
        .or(of_goal.first())
        .map(|judged| (*judged).clone());
    Reached { goal, verdict, shown }
}

/// The verdict of all goals. `cores` are those that the program may use.
pub(crate) fn outcome(
    exercise: &Exercise,
    reached: &[Reached],
    results: &Results,
    variant: &str,
    cores: Option<usize>,
) -> Outcome {
    let own = || {
        let runs = results.runs.iter().map(|(run, _)| &run.recording);
        runs.filter(|recording| recording.spec.variant == variant)
    };
    let broken = reached.iter().position(|reached| reached.verdict == Verdict::Broken);
    if own().any(|recording| recording.outcome.ending == Ending::Hung)
        && reached
            .iter()
            .any(|one| one.goal.rung == Rung::Liveness && one.verdict == Verdict::Broken)
    {
        return Outcome::Hangs;
    }
    if let Some(broken) = broken {
        return Outcome::NotYet(broken);
    }
    let needed = exercise.entry.cores;
    if let Some(cores) = cores.filter(|cores| *cores < needed) {
        return Outcome::Inconclusive(format!(
            "a verdict needs {needed} cores, and this process may use {cores}"
        ));
    }
    match reached.iter().find(|reached| reached.verdict != Verdict::Held) {
        None => Outcome::Solved,
        Some(open) => Outcome::Inconclusive(match &open.shown {
            Some(Judged { reason: Some(reason), claim, .. }) => format!("{}: {reason}", claim.says),
            Some(judged) => {
                format!("{}: the runs do not agree, or too few could decide it", judged.claim.says)
            }
            None => format!("{}: no run could decide it", open.goal.claim.says),
        }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cmd::exercise::pack::tests::{SMALL, pack};

    fn judged(goal: Goal, verdict: Verdict) -> Judged {
        Judged { claim: goal.claim, verdict, value: Some(0.5), reason: None, applicable: true }
    }

    fn decide(rung: Rung, verdicts: &[Verdict]) -> Verdict {
        let pack = pack(SMALL).1.unwrap();
        let goal = Goal { rung, ..pack.exercises[0].goals[1] };
        let all: Vec<Judged> = verdicts.iter().map(|verdict| judged(goal, *verdict)).collect();
        one(goal, &all.iter().collect::<Vec<_>>(), RATIO_RUNS).verdict
    }

    #[test]
    fn one_run_decides_a_count_and_two_a_ratio_of_times() {
        use Verdict::{Broken, Held, NotMeasured};
        assert_eq!(decide(Rung::Count, &[Held, Broken]), Broken, "a count has no noise");
        assert_eq!(decide(Rung::Count, &[NotMeasured, Held]), Held);
        assert_eq!(decide(Rung::Count, &[]), NotMeasured, "nothing is never a pass");
        assert_eq!(decide(Rung::Ratio, &[Held]), NotMeasured);
        assert_eq!(decide(Rung::Ratio, &[Held, Held]), Held);
        assert_eq!(decide(Rung::Ratio, &[Held, Broken]), NotMeasured);
        assert_eq!(decide(Rung::Ratio, &[Held, Broken, Broken]), Broken);
        assert_eq!(decide(Rung::Ratio, &[NotMeasured, NotMeasured]), NotMeasured);
        assert_eq!(decide(Rung::Slope, &[Broken]), Broken);
    }
}
