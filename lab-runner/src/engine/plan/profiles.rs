//! The runs that profilers look into: one for each profiler, of the same variant on the same seeded load, and shorter.

use crate::engine::plan::{Planned, planned};
use lab_analysis::claims::profiler_of;
use lab_kit::{Measure, Variant};
use lab_recording::Load;
use lab_recording::profiler::Profiler;
use lab_recording::spec::Purpose;
use std::collections::BTreeSet;
use std::time::Duration;

/// Measured time of a stream of requests under a profiler: enough for a thousand looks at a thousand a second.
const MOST_MS: u64 = 2_000;
/// Most of the patience with a stream under a profiler.
const MOST_PATIENCE_MS: u64 = 1_500;
/// A batch is over before a clock of 250 ticks a second has seen much of it: under a profiler that samples it is larger.
const LARGER: usize = 8;

/// A run under each of the profilers for each of these runs, as far as they are plain ones.
pub(crate) fn profiles(runs: &[Planned], profilers: &[Profiler], timeout: Option<Duration>) -> Vec<Planned> {
    plain(runs).flat_map(|run| profilers.iter().map(move |profiler| profile(run, *profiler, timeout))).collect()
}

/// These runs once more as they are, to be watched.
pub(crate) fn watched(runs: &[Planned]) -> Vec<Planned> {
    plain(runs).map(|run| under(run, Profiler::Console)).collect()
}

/// A run under each of the profilers that the claims of its variant are about, for each of these runs.
pub(crate) fn claimed(runs: &[Planned]) -> Vec<Planned> {
    plain(runs)
        .flat_map(|run| profilers(run.variant).into_iter().map(move |profiler| profile(run, profiler, None)))
        .collect()
}

fn plain(runs: &[Planned]) -> impl Iterator<Item = &Planned> {
    runs.iter().filter(|run| matches!(run.purpose, Purpose::Measure | Purpose::Pair(_) | Purpose::Trial { number: 1 }))
}

/// The same run as it is, with this profiler.
pub(crate) fn under(run: &Planned, profiler: Profiler) -> Planned {
    let purpose = Purpose::Profile { profiler, pair: run.purpose.pair().cloned(), ratio: 1 };
    Planned { purpose, ..run.clone() }
}

/// The profilers that a variant claims something about.
fn profilers(variant: &Variant) -> BTreeSet<Profiler> {
    let views = variant.claims.iter().filter_map(|claim| match claim.measure {
        Measure::Stacks(stacks) => Some(stacks.view),
        _ => None,
    });
    views.filter_map(profiler_of).collect()
}

fn profile(run: &Planned, profiler: Profiler, timeout: Option<Duration>) -> Planned {
    let load = Load { duration_ms: run.load.duration_ms.min(MOST_MS), ..run.load.clone() };
    let load = if load.is_batch() { load } else { Load { patience_ms: patience_ms(&load), ..load } };
    // Spans are noted one by one, and cost more the more there are.
    let samples = profiler != Profiler::Spans;
    let ratio = if load.is_batch() && samples { LARGER } else { 1 };
    let purpose = Purpose::Profile { profiler, pair: run.purpose.pair().cloned(), ratio };
    planned(run.scenario, run.variant, &load, purpose, timeout)
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
    fn each_profiler_has_a_run_of_its_own_on_the_same_seed() {
        let load = Load { duration_ms: 60_000, seed: 9, ..Load::DEFAULT };
        let runs = plan(&MADE_UP, Which::All, &load, None).unwrap();
        let profiles = profiles(&runs, &[Profiler::Cpu, Profiler::Stall], None);
        let seen: Vec<_> = profiles.iter().map(|run| (run.variant.name, run.purpose.profiler().unwrap())).collect();
        assert_eq!(seen.len(), 6, "the larger runs that growth claims need have none: {seen:?}");
        assert_eq!(seen[..2], [("buggy", Profiler::Cpu), ("buggy", Profiler::Stall)]);
        assert!(profiles.iter().all(|run| run.load.seed == 9 && run.load.duration_ms == MOST_MS));
        assert!(profiles.iter().all(|run| run.load.patience_ms == MOST_PATIENCE_MS), "a hang is known by now");
    }

    #[test]
    fn a_batch_is_larger_under_a_profiler_that_samples() {
        let runs = plan(&MADE_UP, Which::Buggy, &Load { size: 10, ..Load::BATCH }, None).unwrap();
        assert_eq!(profiles(&runs, &[Profiler::Cpu], None)[0].load.size, 80);
        assert_eq!(profiles(&runs, &[Profiler::Spans], None)[0].load.size, 10, "spans are not sampled");
    }
}
