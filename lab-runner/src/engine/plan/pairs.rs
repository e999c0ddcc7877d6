//! The runs of a comparison: pairs, back to back, with one seed a pair, in an order that a seed
//! decides for each.

use crate::engine::plan::{Planned, planned};
use lab_kit::{Scenario, Variant};
use lab_recording::Load;
use lab_recording::spec::{Pair, Purpose, Side};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// What is compared: two variants, or one under two loads.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    pub scenario: &'static Scenario,
    /// Before and after.
    pub of: [OneSide; 2],
    /// What is compared, the metric that decides first; all if nothing is named.
    pub metrics: Vec<String>,
    /// Whether interim looks may add pairs.
    pub interim: bool,
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(crate) struct OneSide {
    pub variant: &'static Variant,
    pub load: Load,
    /// What it is called where its variant does not tell it.
    pub label: Option<String>,
}

/// Most bytes that an environment is lengthened by: a page moves every address on the stack.
const MOST_PADDING: u64 = 4_096;

/// The pairs from number `first` to `last`, both included and counted from 1, of which `wanted`
/// undisturbed ones are to be reached. The same numbers give the same pairs, whether they are
/// planned at once or one after another.
pub(crate) fn pairs(
    sides: &Sides,
    first: usize,
    last: usize,
    wanted: usize,
    timeout: Option<Duration>,
) -> Vec<Planned> {
    (first..=last).flat_map(|number| pair(sides, number, wanted, timeout)).collect()
}

fn pair(sides: &Sides, number: usize, wanted: usize, timeout: Option<Duration>) -> [Planned; 2] {
    let [a, b] = &sides.of;
    let mut rng =
        Pcg64Mcg::seed_from_u64(a.load.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number as u64);
    let mut run = |side: Side, of: &OneSide| {
        // Both sides see the same arrivals and the same data.
        let load = Load { seed: a.load.seed.wrapping_add(number as u64 - 1), ..of.load.clone() };
        let (label, metrics) = (of.label.clone(), sides.metrics.clone());
        let pair = Purpose::Pair(Pair {
            number,
            side,
            label,
            metrics,
            interim: sides.interim,
            wanted: Some(wanted),
        });
        Planned {
            padding: (rng.next_u64() % MOST_PADDING) as usize,
            ..planned(sides.scenario, of.variant, &load, pair, timeout)
        }
    };
    let (a, b) = (run(Side::A, a), run(Side::B, b));
    if rng.next_u64() >> 63 == 0 { [a, b] } else { [b, a] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::tests::MADE_UP;

    fn runs(first: usize, last: usize, seed: u64) -> Vec<(usize, Side, u64, usize)> {
        let side = |i: usize| OneSide {
            variant: &MADE_UP.variants[i],
            load: Load { seed, ..Load::DEFAULT },
            label: None,
        };
        let sides = Sides {
            scenario: &MADE_UP,
            of: [side(0), side(1)],
            metrics: Vec::new(),
            interim: false,
        };
        let place = |run: &Planned| {
            let pair = run.purpose.pair().unwrap();
            (pair.number, pair.side, run.load.seed, run.padding)
        };
        pairs(&sides, first, last, 8, None).iter().map(place).collect()
    }

    #[test]
    fn both_sides_of_a_pair_share_a_seed_and_no_two_pairs_do() {
        let runs = runs(1, 30, 7);
        for (number, pair) in runs.chunks(2).enumerate() {
            assert_eq!((pair[0].0, pair[1].0), (number + 1, number + 1));
            assert_eq!((pair[0].2, pair[1].2), (7 + number as u64, 7 + number as u64));
            assert_ne!(pair[0].1, pair[1].1, "one run of each side");
        }
        let a_first = runs.chunks(2).filter(|pair| pair[0].1 == Side::A).count();
        assert!((8..=22).contains(&a_first), "{a_first} of 30 begin with A");
        assert!(runs.iter().any(|run| run.3 != runs[0].3), "the padding differs");
    }

    #[test]
    fn pairs_that_are_added_later_are_those_that_would_have_come_at_once() {
        let mut in_two = runs(1, 8, 7);
        in_two.extend(runs(9, 12, 7));
        assert_eq!(in_two, runs(1, 12, 7));
        assert_ne!(runs(1, 8, 7), runs(1, 8, 8), "another seed, another order");
    }
}
