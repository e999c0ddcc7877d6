//! The runs that lenses look into: one for each lens, of the same variant on the same seeded load, and shorter.

use crate::engine::plan::{Planned, planned};
use lab_analysis::claims::lens_of;
use lab_kit::{Measure, Variant};
use lab_recording::Load;
use lab_recording::profiler::Lens;
use std::collections::BTreeSet;
use std::time::Duration;

/// Measured time of a stream of requests under a lens: enough for a thousand looks at a thousand a second.
const MOST_MS: u64 = 2_000;
/// Most of the patience with a stream under a lens.
const MOST_PATIENCE_MS: u64 = 1_500;
/// A batch is over before a clock of 250 ticks a second has seen much of it: under a lens that samples it is larger.
const LARGER: usize = 8;

/// A run under each of the lenses for each of these runs, as far as they are plain ones.
pub(crate) fn profiles(runs: &[Planned], lenses: &[Lens], timeout: Option<Duration>) -> Vec<Planned> {
    plain(runs).flat_map(|run| lenses.iter().map(move |lens| profile(run, *lens, timeout))).collect()
}

/// These runs once more as they are, to be watched.
pub(crate) fn watched(runs: &[Planned]) -> Vec<Planned> {
    plain(runs).map(|run| Planned { lens: Some(Lens::Console), ..run.clone() }).collect()
}

/// A run under each of the lenses that the claims of its variant are about, for each of these runs.
pub(crate) fn claimed(runs: &[Planned]) -> Vec<Planned> {
    plain(runs).flat_map(|run| lenses(run.variant).into_iter().map(move |lens| profile(run, lens, None))).collect()
}

fn plain(runs: &[Planned]) -> impl Iterator<Item = &Planned> {
    let is_plain =
        |run: &&Planned| run.scaled == 1 && run.repetition.is_none() && run.trial.is_none_or(|trial| trial == 1);
    runs.iter().filter(is_plain)
}

/// The lenses that a variant claims something about.
fn lenses(variant: &Variant) -> BTreeSet<Lens> {
    let views = variant.claims.iter().filter_map(|claim| match claim.measure {
        Measure::Stacks(stacks) => Some(stacks.view),
        _ => None,
    });
    views.filter_map(lens_of).collect()
}

fn profile(run: &Planned, lens: Lens, timeout: Option<Duration>) -> Planned {
    let load = Load { duration_ms: run.load.duration_ms.min(MOST_MS), ..run.load.clone() };
    let load = if load.is_batch() { load } else { Load { patience_ms: patience_ms(&load), ..load } };
    // Spans are noted one by one, and cost more the more there are.
    let samples = lens != Lens::Spans;
    let scaled = if load.is_batch() && samples { LARGER } else { 1 };
    let planned = planned(run.scenario, run.variant, &load, scaled, timeout);
    Planned { lens: Some(lens), pair: run.pair.clone(), ..planned }
}

/// How long a stream may take beyond all its other times: that it hangs was measured before, and where it hangs shows soon.
fn patience_ms(load: &Load) -> u64 {
    load.patience_ms.min(MOST_PATIENCE_MS + load.stall_ms.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::tests::MADE_UP;
    use crate::engine::plan::{Which, plan};

    #[test]
    fn each_lens_has_a_run_of_its_own_on_the_same_seed() {
        let load = Load { duration_ms: 60_000, seed: 9, ..Load::DEFAULT };
        let runs = plan(&MADE_UP, Which::All, &load, None).unwrap();
        let profiles = profiles(&runs, &[Lens::Cpu, Lens::Stall], None);
        let seen: Vec<_> = profiles.iter().map(|run| (run.variant.name, run.lens.unwrap())).collect();
        assert_eq!(seen.len(), 6, "the larger runs that growth claims need have none: {seen:?}");
        assert_eq!(seen[..2], [("buggy", Lens::Cpu), ("buggy", Lens::Stall)]);
        assert!(profiles.iter().all(|run| run.load.seed == 9 && run.load.duration_ms == MOST_MS));
        assert!(profiles.iter().all(|run| run.load.patience_ms == MOST_PATIENCE_MS), "a hang is known by now");
    }

    #[test]
    fn a_batch_is_larger_under_a_lens_that_samples() {
        let runs = plan(&MADE_UP, Which::Buggy, &Load { size: 10, ..Load::BATCH }, None).unwrap();
        assert_eq!(profiles(&runs, &[Lens::Cpu], None)[0].load.size, 80);
        assert_eq!(profiles(&runs, &[Lens::Spans], None)[0].load.size, 10, "spans are not sampled");
    }
}
