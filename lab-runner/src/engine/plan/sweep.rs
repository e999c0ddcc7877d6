//! The runs of a sweep: variants × sizes × repetitions, in an order that the seed shuffles, so
//! that a machine which gets slower meanwhile spoils all of them alike.

use crate::engine::plan::{Planned, planned};
use crate::exit::UsageError;
use lab_analysis::claims::is_about_a_sweep;
use lab_kit::{Scenario, Variant};
use lab_recording::Load;
use lab_recording::spec::Purpose;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// The sizes of a sweep, each twice the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub smallest: usize,
    pub count: u32,
}

impl Sizes {
    /// The fewest that an exponent can be fitted through, and the repetitions of
    /// book/src/method/growth.md.
    pub const COUNT: u32 = 6;
    pub const REPETITIONS: usize = 5;

    /// All of them, or nothing if the largest one overflows.
    pub fn all(self) -> Option<Vec<usize>> {
        (0..self.count).map(|power| self.smallest.checked_mul(1usize.checked_shl(power)?)).collect()
    }
}

/// The variants that claim how something grows over sizes, and those that they compare with.
pub(crate) fn growing_variants(
    scenario: &'static Scenario,
) -> anyhow::Result<Vec<&'static Variant>> {
    let grows = |variant: &&Variant| variant.claims.iter().any(is_about_a_sweep);
    let variants: Vec<_> = scenario.variants.iter().filter(grows).collect();
    if variants.is_empty() {
        return Err(UsageError::error(format!(
            "no variant of {} claims how it grows: try unordered",
            scenario.name
        )));
    }
    Ok(variants)
}

/// A run of each variant at each size, repeated, and one of nothing to do: what an empty run costs.
pub(crate) fn sweep(
    scenario: &'static Scenario,
    variants: &[&'static Variant],
    load: &Load,
    sizes: &[usize],
    repetitions: usize,
    timeout: Option<Duration>,
) -> Vec<Planned> {
    let one = |variant, size: usize, repetition| {
        // What is quadratic takes its time at the largest sizes, and is not to be killed for it.
        let larger = (size / load.size.saturating_mul(8).max(1)).max(1) as u64;
        let load =
            Load { size, patience_ms: load.patience_ms.saturating_mul(larger), ..load.clone() };
        planned(scenario, variant, &load, Purpose::Sweep { repetition }, timeout)
    };
    let mut runs = Vec::new();
    for variant in variants {
        runs.push(one(variant, 1, 0));
        for size in sizes {
            runs.extend((0..repetitions).map(|repetition| one(variant, *size, repetition)));
        }
    }
    shuffle(&mut runs, load.seed);
    runs
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    for last in (1..items.len()).rev() {
        items.swap(last, (rng.next_u64() % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_double_and_do_not_overflow() {
        let sizes = |smallest, count| Sizes { smallest, count }.all();
        assert_eq!(sizes(5, 3), Some(vec![5, 10, 20]));
        assert_eq!(sizes(usize::MAX / 2, 3), None);
        assert_eq!(sizes(1, 100), None);
    }

    #[test]
    fn a_shuffle_keeps_everything_and_follows_its_seed() {
        let shuffled = |seed| {
            let mut items: Vec<u32> = (0..50).collect();
            shuffle(&mut items, seed);
            items
        };
        let mut sorted = shuffled(7);
        assert_eq!(shuffled(7), sorted);
        assert_ne!(shuffled(7), shuffled(8));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }
}
