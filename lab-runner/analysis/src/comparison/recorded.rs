//! Two earlier recordings as the sides of a comparison: whether they are comparable, and which
//! runs form a pair. Pure.
//!
//! Runs that were recorded separately are neither back to back nor in random order. So
//! recordings with known differences are rejected, and the remaining risk is reported as a
//! warning.

use crate::comparison::verdict::fewest_pairs;
use crate::requests::{Analysis, ValidityVerdict};
use lab_recording::spec::{Pair, Purpose, Side, Spec};
use lab_recording::{Ending, Load};
use serde_json::Value;
use std::collections::BTreeMap;

/// The runs of both sides, each with its position in a pair, and warnings.
#[derive(Debug)]
pub struct Paired {
    /// The runs with a counterpart.
    pub runs: Vec<Analysis>,
    /// Conditions that limit the conclusion.
    pub warnings: Vec<String>,
}

/// Pairs the runs of two sides by their seeds.
///
/// # Errors
/// Why they cannot be compared, as a lowercase sentence that names what differs or is damaged.
pub fn pair_up(
    before: Vec<Analysis>,
    after: Vec<Analysis>,
    metrics: &[String],
) -> Result<Paired, String> {
    [&before, &after].into_iter().try_for_each(|side| usable(side))?;
    let (a, b) = (&before[0].recording, &after[0].recording);
    if a.folder == b.folder {
        return Err("both sides are the same recording: name two".into());
    }
    let differing = differences(&a.spec, &b.spec);
    if !differing.is_empty() {
        return Err(format!(
            "the recordings cannot be compared, they differ in {}",
            differing.join(", ")
        ));
    }
    let mut warnings = vec![APART.to_owned()];
    warnings.extend(other_machine(&a.spec, &b.spec));
    let labels = labels(&before[0], &after[0]);
    let (before, after) = (by_seed(before), by_seed(after));
    let common = before.keys().filter(|key| after.contains_key(*key)).copied().collect::<Vec<_>>();
    if common.is_empty() {
        return Err(
            "the recordings have no seed in common: record both with the same --seed and --trials"
                .into(),
        );
    }
    let fewest = fewest_pairs(ALPHA);
    if common.len() < fewest {
        let shared =
            if common.len() == 1 { "one seed".into() } else { format!("{} seeds", common.len()) };
        return Err(format!(
            "the recordings share {shared}, and fewer than {fewest} pairs cannot reach 95 %: \
             record both with --trials 8"
        ));
    }
    let unpaired = before.len() + after.len() - 2 * common.len();
    warnings.extend(
        (unpaired > 0).then(|| format!("{unpaired} runs have no counterpart with the same seed")),
    );
    let place =
        |side: Side, label: &Option<String>, mut runs: BTreeMap<Key, Analysis>| -> Vec<Analysis> {
            let numbered =
                common.iter().enumerate().filter_map(|(i, key)| Some((i + 1, runs.remove(key)?)));
            numbered
                .map(|(number, run)| {
                    let (label, metrics) = (label.clone(), metrics.to_vec());
                    placed(run, Pair { number, side, label, metrics, interim: false, wanted: None })
                })
                .collect()
        };
    let runs = [place(Side::A, &labels[0], before), place(Side::B, &labels[1], after)].concat();
    Ok(Paired { runs, warnings })
}

/// The error probability of an interval.
const ALPHA: f64 = 0.05;
const APART: &str = "recorded separately, not as pairs in random order: the ratio includes \
                     changes of the host in between";

fn placed(mut run: Analysis, pair: Pair) -> Analysis {
    run.recording.spec.purpose = Purpose::Pair(pair);
    run
}

/// The names of the sides: their variants, or their folders if the variants are the same.
fn labels(a: &Analysis, b: &Analysis) -> [Option<String>; 2] {
    let same = a.recording.spec.variant == b.recording.spec.variant;
    [a, b].map(|run| same.then(|| run.recording.folder.display().to_string()))
}

/// Seed, and how many runs with this seed came before it.
type Key = (u64, usize);

fn by_seed(runs: Vec<Analysis>) -> BTreeMap<Key, Analysis> {
    let mut all = BTreeMap::new();
    for run in runs {
        let seed = run.recording.spec.load.seed;
        let nth = (0..).find(|nth| !all.contains_key(&(seed, *nth))).unwrap_or(0);
        all.insert((seed, nth), run);
    }
    all
}

/// Whether all runs of a side are whole, valid and of one variant.
fn usable(side: &[Analysis]) -> Result<(), String> {
    let variant = &side[0].recording.spec.variant;
    for run in side {
        let (spec, folder) = (&run.recording.spec, run.recording.folder.display());
        if spec.variant != *variant || spec.purpose.ratio() != 1 || spec.purpose.is_sweep() {
            return Err(format!(
                "{folder} is not of {variant}: name a recording of one variant at one size"
            ));
        }
        if let Some(what) = run.unread.first() {
            return Err(format!("{folder} is damaged, its {what} cannot be read: record it again"));
        }
        if run.recording.outcome.ending == Ending::Unfinished {
            return Err(format!("{folder} is cut off: record it again"));
        }
        if run.validity.verdict == ValidityVerdict::Invalid {
            return Err(format!(
                "{folder} is of an invalid run: record it again on a quieter machine"
            ));
        }
    }
    Ok(())
}

/// The differences that make two runs incomparable.
fn differences(a: &Spec, b: &Spec) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".into());
    let (x, y) = (&a.environment, &b.environment);
    let of_all = [
        ("scenario", a.scenario.clone(), b.scenario.clone()),
        ("allocator", text(&x.allocator), text(&y.allocator)),
        ("tokio", text(&x.tokio), text(&y.tokio)),
        ("futures", text(&x.futures), text(&y.futures)),
        ("tokio_unstable", x.tokio_unstable.to_string(), y.tokio_unstable.to_string()),
        ("optimisation", x.optimised.to_string(), y.optimised.to_string()),
    ];
    let describe = |what: &str, a: &str, b: &str| format!("{what} ({a} against {b})");
    let others = of_all.iter().filter(|(_, a, b)| a != b).map(|(what, a, b)| describe(what, a, b));
    others
        .chain(
            load_differences(&a.load, &b.load)
                .into_iter()
                .map(|(what, a, b)| describe(&what, &a, &b)),
        )
        .collect()
}

/// Every part of the load but the seed, by which runs are paired.
fn load_differences(a: &Load, b: &Load) -> Vec<(String, String, String)> {
    let parts = |load: &Load| match serde_json::to_value(load) {
        Ok(Value::Object(parts)) => parts,
        _ => serde_json::Map::new(),
    };
    let (a, b) = (parts(a), parts(b));
    let names: std::collections::BTreeSet<&String> =
        a.keys().chain(b.keys()).filter(|name| *name != "seed").collect();
    let shown = |value: Option<&Value>| value.map_or_else(|| "none".into(), Value::to_string);
    let differing = names.into_iter().filter(|name| a.get(*name) != b.get(*name));
    differing.map(|name| (name.clone(), shown(a.get(name)), shown(b.get(name)))).collect()
}

fn other_machine(a: &Spec, b: &Spec) -> Option<String> {
    let machine = |spec: &Spec| {
        let of = &spec.environment;
        let cores = of.cores.map_or_else(|| "unknown".into(), |cores| cores.to_string());
        format!(
            "{} cores, {}, {}",
            cores,
            of.cpu.as_deref().unwrap_or("an unknown processor"),
            of.os
        )
    };
    let (a, b) = (machine(a), machine(b));
    (a != b).then(|| {
        format!(
            "DIFFERENT MACHINES: {a} against {b}; the difference may be that of the machines alone"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::paired::tests::run;

    fn side(name: &str, folder: &str, seeds: &[u64]) -> Vec<Analysis> {
        let one = |seed: &u64| {
            let mut run = run(1, name, &[("cpu_us_per_op", *seed as f64)]);
            run.recording.folder = format!("{folder}/{seed}").into();
            (run.recording.spec.load.seed, run.recording.spec.purpose) = (*seed, Purpose::Measure);
            run
        };
        seeds.iter().map(one).collect()
    }

    fn paired(change: impl Fn(&mut Analysis)) -> Result<Paired, String> {
        let (a, mut b) =
            (side("a", "x", &[1, 2, 3, 4, 5, 6, 9]), side("b", "y", &[2, 1, 3, 4, 5, 6, 10]));
        b.iter_mut().for_each(change);
        pair_up(a, b, &[])
    }

    #[test]
    fn runs_are_paired_by_seed_and_the_rest_is_told() {
        let paired = paired(|_| ()).unwrap();
        let place = |run: &Analysis| {
            let pair = run.recording.spec.purpose.pair().cloned().unwrap();
            (pair.number, pair.side, run.recording.spec.load.seed)
        };
        let places: Vec<_> = paired.runs.iter().map(place).collect();
        let wanted = [Side::A, Side::B]
            .into_iter()
            .flat_map(|side| (1..=6).map(move |n| (n, side, n as u64)));
        assert_eq!(places, wanted.collect::<Vec<_>>());
        assert_eq!(paired.warnings, [APART, "2 runs have no counterpart with the same seed"]);
    }

    #[test]
    fn what_differs_is_named_and_refused() {
        let describe =
            |change: fn(&mut Spec)| paired(|run| change(&mut run.recording.spec)).unwrap_err();
        assert!(
            describe(|spec| spec.scenario = "other".into())
                .contains("scenario (made-up against other)")
        );
        assert!(describe(|spec| spec.load.workers = 2).contains("workers (1 against 2)"));
        assert!(describe(|spec| spec.load.size = 9).contains("size (1 against 9)"));
        assert!(
            describe(|spec| spec.environment.tokio = Some("1.0.0".into()))
                .contains("tokio (unknown against 1.0.0)")
        );
        assert!(
            describe(|spec| spec.environment.allocator = Some("jemalloc".into()))
                .contains("allocator")
        );
    }

    #[test]
    fn what_is_damaged_cut_off_invalid_or_mixed_is_refused() {
        assert!(
            paired(|run| run.unread = vec!["requests"])
                .unwrap_err()
                .contains("its requests cannot be read")
        );
        assert!(
            paired(|run| run.recording.outcome.ending = Ending::Unfinished)
                .unwrap_err()
                .contains("cut off")
        );
        assert!(
            paired(|run| run.validity.verdict = ValidityVerdict::Invalid)
                .unwrap_err()
                .contains("invalid run")
        );
        let mixed = [side("a", "x", &[1]), side("b", "x", &[2])].concat();
        assert!(pair_up(mixed, side("b", "y", &[1]), &[]).unwrap_err().contains("is not of a"));
        assert!(
            pair_up(side("a", "x", &[1]), side("b", "y", &[2]), &[])
                .unwrap_err()
                .contains("no seed in common")
        );
        let few = pair_up(side("a", "x", &[1, 2, 3]), side("b", "y", &[1, 2, 4]), &[]).unwrap_err();
        assert!(few.contains("share 2 seeds, and fewer than 6 pairs"), "{few}");
        assert!(
            pair_up(side("a", "x", &[1]), side("a", "x", &[1]), &[])
                .unwrap_err()
                .contains("the same recording")
        );
    }

    #[test]
    fn another_machine_is_a_loud_warning() {
        let paired =
            paired(|run| run.recording.spec.environment.cpu = Some("a better one".into())).unwrap();
        assert!(paired.warnings[1].starts_with("DIFFERENT MACHINES"), "{:?}", paired.warnings);
    }
}
