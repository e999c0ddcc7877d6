//! The runs of a score: every labelled variant, under several seeds, loads and numbers of workers,
//! alone and beside a noisy neighbour.
//!
//! Which of them fit into a short score is reckoned from the loads beforehand, so that the same
//! command asks for the same runs.

use crate::engine::plan::{Planned, planned};
use lab_analysis::score::{Cell, LeftOut};
use lab_kit::{Measure, Scenario, Variant};
use lab_recording::spec::Purpose;
use lab_recording::{Ending, Kind, Load};
use std::time::Duration;

/// The options of a score.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The whole matrix, whatever it takes.
    pub thorough: bool,
    /// Seeds, at least one. A short score takes the first, and the last where it looks a second
    /// time.
    pub seeds: Vec<u64>,
    /// Whether runs beside a noisy neighbour are wanted.
    pub neighbour: bool,
}

/// What is going to be run.
#[derive(Clone, Debug)]
pub(crate) struct ScorePlan {
    pub cells: Vec<ScoreCell>,
    pub left_out: LeftOut,
}

/// A run that is to be diagnosed.
#[derive(Clone, Debug)]
pub(crate) struct ScoreCell {
    pub cell: Cell,
    /// The plain run, which a profiler is put over.
    pub run: Planned,
    /// What it is likely to take.
    pub takes: Duration,
}

impl ScorePlan {
    /// A short score ends within this.
    pub const LONGEST: Duration = Duration::from_secs(290);
    /// What is planned of it: the rest is for second looks, and for machines that are slower than
    /// reckoned.
    const PLANNED: Duration = Duration::from_secs(275);

    /// What all of it is likely to take.
    pub fn takes(&self) -> Duration {
        self.cells.iter().map(|cell| cell.takes).sum()
    }
}

/// What one cell differs by.
#[derive(Clone, Copy, Debug)]
struct Condition {
    seed: u64,
    half: bool,
    twice: bool,
    neighbour: bool,
}

/// The plan for these scenarios. `fits` checks the derived loads.
pub(crate) fn score(
    scenarios: &[&'static Scenario],
    choice: &Choice,
    fits: &dyn Fn(&Scenario, &Load) -> bool,
) -> ScorePlan {
    let mut plan = ScorePlan { cells: Vec::new(), left_out: LeftOut::default() };
    for condition in conditions(choice) {
        for (scenario, variant) in by_priority(scenarios) {
            let load = load(scenario, condition);
            let halved = fits(scenario, &load);
            if !halved && choice.thorough {
                plan.left_out.refused += 1;
                continue;
            }
            // In a short score a second run without the other load is better than none.
            let condition = Condition { half: condition.half && halved, ..condition };
            if variant.truth.is_some_and(|truth| !truth.holds_at(load.workers)) {
                plan.left_out.label_does_not_hold += 1;
                continue;
            }
            plan.cells.push(cell(scenario, variant, condition));
        }
    }
    if !choice.thorough {
        keep_what_fits(&mut plan);
    }
    for (number, cell) in plan.cells.iter_mut().enumerate() {
        cell.cell.folder =
            format!("{:03}-{}-{}", number + 1, cell.cell.scenario, cell.cell.variant);
    }
    plan
}

/// All that a cell can differ by. In a short score each variant is run as it is, and once more with
/// all else changed.
fn conditions(choice: &Choice) -> Vec<Condition> {
    let (first, last) =
        (choice.seeds.first().copied().unwrap_or(7), choice.seeds.last().copied().unwrap_or(11));
    if !choice.thorough {
        let plain = Condition { seed: first, half: false, twice: false, neighbour: false };
        return vec![
            plain,
            Condition { seed: last, half: true, neighbour: choice.neighbour, ..plain },
        ];
    }
    let both = [false, true];
    let neighbours = if choice.neighbour { &both[..] } else { &both[..1] };
    let mut conditions = Vec::new();
    for neighbour in neighbours.iter().copied() {
        for twice in both {
            for half in both {
                conditions.extend(choice.seeds.iter().map(|seed| Condition {
                    seed: *seed,
                    half,
                    twice,
                    neighbour,
                }));
            }
        }
    }
    conditions
}

/// The variants of all scenarios: the fault and its fix first, then what is most like them.
fn by_priority(scenarios: &[&'static Scenario]) -> Vec<(&'static Scenario, &'static Variant)> {
    let rank = |kind| match kind {
        Kind::Buggy | Kind::Fixed => 0,
        Kind::Trap => 1,
        Kind::Decoy => 2,
        Kind::Fix => 3,
    };
    let of = |scenario: &&'static Scenario| {
        let scenario = *scenario;
        scenario.variants.iter().map(move |variant| (scenario, variant))
    };
    let mut all: Vec<_> = scenarios.iter().flat_map(of).collect();
    all.sort_by_key(|(_, variant)| rank(variant.kind));
    all
}

/// The brief load of `lab verify`, changed. A batch has no rate, and is halved in size.
fn load(scenario: &Scenario, condition: Condition) -> Load {
    let base = scenario.brief_load();
    let (part, batch) = (if condition.half { 2 } else { 1 }, base.is_batch());
    Load {
        seed: condition.seed,
        rate: base.rate / part as f64,
        size: if batch { (base.size / part).max(1) } else { base.size },
        workers: base.workers * if condition.twice { 2 } else { 1 },
        ..base
    }
}

fn cell(scenario: &'static Scenario, variant: &'static Variant, condition: Condition) -> ScoreCell {
    let load = load(scenario, condition);
    ScoreCell {
        cell: Cell {
            scenario: scenario.name.into(),
            variant: variant.name.into(),
            seed: condition.seed,
            load: if condition.half { "half" } else { "own" }.into(),
            workers: load.workers,
            neighbour: condition.neighbour,
            ..Cell::default()
        },
        takes: takes(variant, &load),
        run: planned(scenario, variant, &load, Purpose::Measure, None),
    }
}

/// What a run under the profiler takes, with reading what the profiler left.
fn takes(variant: &Variant, load: &Load) -> Duration {
    const READING: Duration = Duration::from_millis(600);
    const HANGING: Duration = Duration::from_millis(1_500);
    let hangs =
        variant.claims.iter().any(|claim| matches!(claim.measure, Measure::Ending(Ending::Hung)));
    match (load.is_batch(), hangs) {
        (true, _) if variant.truth.is_some() => Duration::from_secs(3),
        (true, _) => Duration::from_millis(1_500),
        (false, true) => load.lasts() + Duration::from_millis(load.patience_ms) + HANGING,
        (false, false) => load.warmup() + load.duration() + READING,
    }
}

fn keep_what_fits(plan: &mut ScorePlan) {
    let (mut total, before) = (Duration::ZERO, plan.cells.len());
    plan.cells.retain(|cell| {
        let fits = total + cell.takes <= ScorePlan::PLANNED;
        total += if fits { cell.takes } else { Duration::ZERO };
        fits
    });
    plan.left_out.no_time += before - plan.cells.len();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::tests::MADE_UP;

    fn plan(thorough: bool, neighbour: bool) -> ScorePlan {
        score(&[&MADE_UP], &Choice { thorough, seeds: vec![7, 11, 23], neighbour }, &|_, _| true)
    }

    #[test]
    fn a_short_score_runs_each_variant_as_it_is_and_once_changed() {
        let plan = plan(false, true);
        let describe = |cell: &ScoreCell| {
            let Cell { variant, seed, load, neighbour, .. } = &cell.cell;
            format!("{variant} {seed} {load} {neighbour}")
        };
        let all: Vec<String> = plan.cells.iter().map(describe).collect();
        assert_eq!(all[..3], ["buggy 7 own false", "fixed 7 own false", "other 7 own false"]);
        assert_eq!(all[3..], ["buggy 23 half true", "fixed 23 half true", "other 23 half true"]);
        assert_eq!(plan.cells[3].run.load.rate, 1_000.0);
        assert_eq!(plan.cells[4].cell.folder, "005-made-up-fixed");
    }

    #[test]
    fn the_matrix_leaves_out_cells_whose_label_does_not_hold() {
        let all = plan(true, true);
        // 3 variants, 3 seeds, 2 loads, 2 numbers of workers, with and without a noisy neighbour;
        // the label holds on one worker.
        assert_eq!((all.cells.len(), all.left_out.label_does_not_hold), (60, 12));
        assert!(
            all.cells.iter().all(|cell| cell.cell.variant != "buggy" || cell.cell.workers == 1)
        );
        assert_eq!(plan(true, false).cells.len(), 30);
    }

    #[test]
    fn a_load_that_the_scenario_refuses_is_not_run() {
        let fits = |_: &Scenario, load: &Load| load.rate > 1_500.0;
        let choice = Choice { thorough: true, seeds: vec![7], neighbour: false };
        let plan = score(&[&MADE_UP], &choice, &fits);
        assert_eq!((plan.cells.len(), plan.left_out.refused), (5, 6));
        let short = score(&[&MADE_UP], &Choice { thorough: false, ..choice }, &fits);
        assert!(short.cells.len() == 6 && short.cells.iter().all(|cell| cell.cell.load == "own"));
    }

    #[test]
    fn a_short_score_is_planned_to_fit() {
        let many = [&MADE_UP; 30];
        let choice = Choice { thorough: false, seeds: vec![7], neighbour: true };
        let plan =
            score(&many.map(|scenario| scenario as &'static Scenario), &choice, &|_, _| true);
        assert!(plan.takes() <= ScorePlan::PLANNED && plan.left_out.no_time > 0);
        assert_eq!(plan.cells.len() + plan.left_out.no_time, 180);
    }
}
