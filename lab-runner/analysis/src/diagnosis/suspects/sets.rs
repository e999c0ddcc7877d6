//! Sets of futures that one task polls through a combinator.

use crate::diagnosis::Case;
use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::{awaits, sampled, sched};
use crate::overhead::limits::{RestsOn, Size};
use crate::stacks::doing::{Doing, InPolls};
use crate::stats::total;
use std::collections::BTreeSet;

pub fn sets(case: &Case<'_>) -> Vec<Suspect> {
    let Some(in_polls) = sampled(case).and_then(|profile| profile.in_polls.as_deref()) else {
        return Vec::new();
    };
    let in_set = |seen: &&InPolls| matches!(seen.doing, Doing::Combines | Doing::TurnsAway);
    let functions: BTreeSet<&str> =
        in_polls.iter().filter(in_set).map(|seen| seen.function.as_str()).collect();
    functions.into_iter().filter_map(|function| suspect(case, in_polls, function)).collect()
}

fn suspect(case: &Case<'_>, in_polls: &[InPolls], function: &str) -> Option<Suspect> {
    let ms_in = |doing: &[Doing]| -> f64 {
        let seen =
            in_polls.iter().filter(|seen| seen.function == function && doing.contains(&seen.doing));
        seen.map(|seen| seen.ms).sum()
    };
    let (set, away) = (ms_in(&[Doing::Combines, Doing::TurnsAway]), ms_in(&[Doing::TurnsAway]));
    let first = in_polls.iter().find(|seen| seen.function == function)?;
    let at = Location { function: function.into(), file: first.file.clone(), line: first.line };
    let spent = sched(case)
        .map(|sched| total(sched.task_kinds.iter().map(|task_kind| task_kind.budget_spent)) as f64);
    // What was turned away is woken after the poll, by a worker that is in none.
    let outside =
        sched(case).map(|sched| sched.workers.iter().map(|worker| worker.outside_ms).sum::<f64>());
    let per_budget = spent
        .zip(outside)
        .filter(|(spent, _)| *spent > 0.0)
        .map(|(spent, outside)| (set + outside) / spent);
    let all = ms_in(&[Doing::Combines, Doing::TurnsAway, Doing::Computes]);
    let per_piece = case.measured.and_then(|run| Some(run.metrics.get("polls_per_op")?.value));
    let crowds = awaits(case).map(|awaits| awaits.crowds).filter(|crowds| crowds.polls > 0);
    let mut suspect = Suspect::new(Suspicion::Sets, Some(at))
        .with(Sign::Combines, set / all.max(f64::MIN_POSITIVE))
        .with(Sign::TurnsAway, away / set.max(f64::MIN_POSITIVE))
        .with_known(Sign::SpentPolls, spent)
        .with_known(Sign::PerBudgetMs, per_budget)
        .with_known(Sign::PollsPerPiece, per_piece)
        .with_known(Sign::CrowdedPolls, crowds.map(|crowds| crowds.polls as f64))
        .with_known(Sign::LeavesPerPoll, crowds.map(|of| of.leaves as f64 / of.polls as f64));
    suspect.rests_on =
        sampled(case).map(|profile| RestsOn { profiler: profile.profiler, size: Size::Ms(set) });
    suspect.cost.ms = Some(set + spent.filter(|spent| *spent > 0.0).and(outside).unwrap_or(0.0));
    Some(suspect)
}
