//! The runs that profilers look into: one for each profiler, of the same variant on the same seeded
//! load, and shorter.

use crate::engine::plan::{Planned, planned};
use lab_analysis::claims::profiler_of;
use lab_kit::{Bound, Claim, Measure, Variant};
use lab_recording::Load;
use lab_recording::profiler::Profiler;
use lab_recording::spec::Purpose;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Measured time of a stream of requests under a profiler: enough for a thousand looks at a
/// thousand a second.
const MOST_MS: u64 = 2_000;
/// Most of the patience with a stream under a profiler.
const MOST_PATIENCE_MS: u64 = 1_500;
/// How long a batch shall take under a profiler that samples: it is over before a clock of 250
/// ticks a second has seen much.
const BATCH_MS: f64 = 1_500.0;
/// Most that a batch is multiplied by for that.
const MOST_LARGER: f64 = 64.0;

/// What a batch is multiplied by where no run is measured beside the profiled ones.
const UNMEASURED: usize = 8;

/// What batches took when they were measured, by variant and size.
pub(crate) type Times = BTreeMap<(String, usize), Duration>;

/// A run under each of the profilers for each of these runs, as far as they are plain ones.
pub(crate) fn profiles(
    runs: &[Planned],
    profilers: &[Profiler],
    timeout: Option<Duration>,
    times: Option<&Times>,
) -> Vec<Planned> {
    plain(runs)
        .flat_map(|run| {
            let ratio = common_ratio(run, runs, timeout, times);
            profilers.iter().map(move |profiler| profile(run, *profiler, timeout, ratio))
        })
        .collect()
}

/// These runs once more, under profilers.
pub(crate) fn watched(runs: &[Planned]) -> Vec<Planned> {
    plain(runs).map(|run| under(run, Profiler::Console)).collect()
}

/// A run under each of the profilers that the claims of its variant are about, for each of these
/// runs.
pub(crate) fn claimed(runs: &[Planned], times: Option<&Times>) -> Vec<Planned> {
    plain(runs)
        .flat_map(|run| {
            let ratio = common_ratio(run, runs, None, times);
            profilers(run.variant)
                .into_iter()
                .map(move |profiler| profile(run, profiler, None, ratio))
        })
        .collect()
}

fn plain(runs: &[Planned]) -> impl Iterator<Item = &Planned> {
    runs.iter().filter(|run| {
        matches!(run.purpose, Purpose::Measure | Purpose::Pair(_) | Purpose::Trial { number: 1 })
    })
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

fn profile(run: &Planned, profiler: Profiler, timeout: Option<Duration>, larger: usize) -> Planned {
    let load = Load { duration_ms: run.load.duration_ms.min(MOST_MS), ..run.load.clone() };
    let load =
        if load.is_batch() { load } else { Load { patience_ms: patience_ms(&load), ..load } };
    // Spans are noted one by one, and cost more the more there are.
    let samples = profiler != Profiler::Spans;
    let ratio = if samples { larger } else { 1 };
    let purpose = Purpose::Profile { profiler, pair: run.purpose.pair().cloned(), ratio };
    planned(run.scenario, run.variant, &load, purpose, timeout)
}

/// What a batch is multiplied by under a profiler that samples. Two loads of one variant are
/// multiplied by the same, the smaller of their ratios: what is compared is how its cost grows from
/// one to the other.
fn common_ratio(
    run: &Planned,
    runs: &[Planned],
    timeout: Option<Duration>,
    times: Option<&Times>,
) -> usize {
    if !run.load.is_batch() {
        return 1;
    }
    let of_variant = plain(runs).filter(|other| other.variant.name == run.variant.name);
    of_variant.map(|other| ratio_that_fits(other, timeout, times)).min().unwrap_or(1)
}

/// What a batch is multiplied by, made smaller until the scenario accepts the size that is really
/// run.
fn ratio_that_fits(run: &Planned, timeout: Option<Duration>, times: Option<&Times>) -> usize {
    let Some(times) = times else { return UNMEASURED };
    let Some(took) = times.get(&(run.variant.name.to_owned(), run.load.size)) else { return 1 };
    let patience = timeout.unwrap_or(Duration::from_millis(run.load.patience_ms));
    let mut ratio = ratio(*took, grows_linearly(run.variant), patience);
    while ratio > 1 {
        let load = Load { size: run.load.size.saturating_mul(ratio), ..run.load.clone() };
        if load.check().is_ok() && (run.scenario.check)(&load).is_ok() {
            break;
        }
        ratio /= 2;
    }
    ratio
}

/// What a batch that took so long is multiplied by. One that may be quadratic takes the square of
/// the ratio as long; and a quarter of the patience is enough for any, for a profiler makes it
/// slower.
fn ratio(took: Duration, linear: bool, patience: Duration) -> usize {
    let ms = (took.as_secs_f64() * 1e3).max(1.0);
    let times_as_long = BATCH_MS.min(patience.as_secs_f64() * 1e3 / 4.0) / ms;
    let ratio = if linear { times_as_long } else { times_as_long.sqrt() };
    ratio.clamp(1.0, MOST_LARGER) as usize
}

/// Whether a variant claims that its cost grows about as its size does.
fn grows_linearly(variant: &Variant) -> bool {
    let is_linear = |claim: &Claim| {
        let about_growth =
            matches!(claim.measure, Measure::Exponent(_) | Measure::ExponentUpTo { .. });
        about_growth && matches!(claim.bound, Bound::AtMost(most) if most < 1.5)
    };
    variant.claims.iter().any(is_linear)
}

/// How long a stream may take beyond all its other times: that it hangs was measured before, and
/// where it hangs shows soon.
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
        let profiles =
            profiles(&runs, &[Profiler::Cpu, Profiler::Stall], None, Some(&Times::new()));
        let seen: Vec<_> = profiles
            .iter()
            .map(|run| (run.variant.name, run.purpose.profiler().unwrap()))
            .collect();
        assert_eq!(seen.len(), 6, "the larger runs that growth claims need have none: {seen:?}");
        assert_eq!(seen[..2], [("buggy", Profiler::Cpu), ("buggy", Profiler::Stall)]);
        assert!(profiles.iter().all(|run| run.load.seed == 9 && run.load.duration_ms == MOST_MS));
        assert!(
            profiles.iter().all(|run| run.load.patience_ms == MOST_PATIENCE_MS),
            "a hang is known by now"
        );
    }

    #[test]
    fn a_batch_is_larger_under_a_profiler_that_samples() {
        let runs = plan(&MADE_UP, Which::Buggy, &Load { size: 10, ..Load::BATCH }, None).unwrap();
        let times: Times = [(("buggy".to_owned(), 10), Duration::from_millis(15))].into();
        assert_eq!(
            profiles(&runs, &[Profiler::Cpu], None, Some(&times))[0].load.size,
            100,
            "it may be quadratic"
        );
        assert_eq!(
            profiles(&runs, &[Profiler::Spans], None, Some(&times))[0].load.size,
            10,
            "spans are not sampled"
        );
        assert_eq!(
            profiles(&runs, &[Profiler::Cpu], None, Some(&Times::new()))[0].load.size,
            10,
            "it was not measured"
        );
    }

    #[test]
    fn two_loads_of_a_variant_are_enlarged_alike() {
        let run = |size| plan(&MADE_UP, Which::Buggy, &Load { size, ..Load::BATCH }, None).unwrap();
        let runs = [run(10), run(40)].concat();
        let took = |size, ms| (("buggy".to_owned(), size), Duration::from_millis(ms));
        let times: Times = [took(10, 15), took(40, 240)].into();
        let sizes = profiles(&runs, &[Profiler::Cpu], None, Some(&times));
        let sizes: Vec<usize> = sizes.iter().map(|run| run.load.size).collect();
        assert_eq!(sizes, [20, 80], "four times the items on one side, as it was asked for");
    }

    #[test]
    fn a_batch_under_a_profiler_takes_seconds_and_never_all_patience() {
        let (ms, minute) = (Duration::from_millis, Duration::from_secs(60));
        assert_eq!([ratio(ms(100), true, minute), ratio(ms(15), false, minute)], [15, 10]);
        assert_eq!(
            ratio(Duration::from_secs(20), false, minute),
            1,
            "it takes long enough by itself"
        );
        assert_eq!(ratio(ms(100), true, Duration::from_secs(2)), 5, "a quarter of the patience");
        assert_eq!(ratio(Duration::ZERO, true, minute), 64);
    }

    #[test]
    fn a_batch_is_not_multiplied_beyond_what_can_be_run() {
        let size = 400_000_000;
        let runs = plan(&MADE_UP, Which::Buggy, &Load { size, ..Load::BATCH }, None).unwrap();
        let times: Times = [(("buggy".to_owned(), size), Duration::from_millis(15))].into();
        assert_eq!(profiles(&runs, &[Profiler::Cpu], None, Some(&times))[0].load.size, 2 * size);
    }
}
