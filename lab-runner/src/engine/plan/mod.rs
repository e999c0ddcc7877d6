//! From a command to the list of its runs. Pure: nothing is started, no clock is read.

mod pairs;
mod profiles;
mod score;
mod sweep;

pub(crate) use pairs::{OneSide, Sides, pairs};
pub(crate) use profiles::{Times, claimed, profiles, under, watched};
pub(crate) use score::{Choice, ScoreCell, ScorePlan, score};
pub(crate) use sweep::{Sizes, growing_variants, sweep};

use crate::exit::UsageError;
use lab_kit::{Measure, Scenario, Variant};
use lab_recording::spec::Purpose;
use lab_recording::{Kind, Load};
use std::time::Duration;

/// One run that is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub scenario: &'static Scenario,
    pub variant: &'static Variant,
    pub load: Load,
    /// What the run is for.
    pub purpose: Purpose,
    /// Bytes that its environment is lengthened by.
    pub padding: usize,
    pub timeout: Duration,
}

/// The chosen variants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    Buggy,
    Fixed,
    Named(&'a str),
    All,
}

/// The runs for a choice of variants, in the order in which the scenario lists them. With
/// [`Which::All`] the runs at larger sizes that growth claims need come last.
pub(crate) fn plan(
    scenario: &'static Scenario,
    which: Which<'_>,
    load: &Load,
    timeout: Option<Duration>,
) -> anyhow::Result<Vec<Planned>> {
    let run = |variant, purpose| planned(scenario, variant, load, purpose, timeout);
    let one = |kind| {
        let missing =
            || UsageError::error(format!("{} has no {kind} variant: see lab list", scenario.name));
        Ok(vec![run(scenario.first(kind).ok_or_else(missing)?, Purpose::Measure)])
    };
    match which {
        Which::Buggy => one(Kind::Buggy),
        Which::Fixed => one(Kind::Fixed),
        Which::Named(name) => Ok(vec![run(named(scenario, name)?, Purpose::Measure)]),
        Which::All => {
            let plain = scenario.variants.iter().map(|variant| run(variant, Purpose::Measure));
            let larger = growth_runs(scenario, load)
                .map(|(variant, ratio)| run(variant, Purpose::Larger { ratio }));
            Ok(plain.chain(larger).collect())
        }
    }
}

/// Each run many times, one seed after another, in rounds.
pub(crate) fn trials(runs: &[Planned], count: usize) -> Vec<Planned> {
    let one = |trial: usize, run: &Planned| {
        let load = Load { seed: run.load.seed.wrapping_add(trial as u64 - 1), ..run.load.clone() };
        Planned { load, purpose: Purpose::Trial { number: trial }, ..run.clone() }
    };
    // What grows is not a matter of trials.
    let plain = || runs.iter().filter(|run| run.purpose == Purpose::Measure);
    (1..=count).flat_map(|trial| plain().map(move |run| one(trial, run))).collect()
}

fn planned(
    scenario: &'static Scenario,
    variant: &'static Variant,
    load: &Load,
    purpose: Purpose,
    timeout: Option<Duration>,
) -> Planned {
    let load = Load { size: load.size.saturating_mul(purpose.ratio()), ..load.clone() };
    let timeout = timeout.unwrap_or(load.lasts() + Duration::from_millis(load.patience_ms));
    Planned { scenario, variant, load, purpose, padding: 0, timeout }
}

/// The larger sizes that growth claims ask for. Messages from a file have the size they have.
fn growth_runs(
    scenario: &'static Scenario,
    load: &Load,
) -> impl Iterator<Item = (&'static Variant, usize)> {
    let generated = load.messages.is_none();
    let claims =
        scenario.variants.iter().flat_map(|v| v.claims.iter().map(move |claim| (v, claim)));
    let mut runs: Vec<(&'static Variant, usize)> = Vec::new();
    for (variant, claim) in claims.filter(|_| generated) {
        if let Measure::Growth { factor, .. } = claim.measure
            && !runs.iter().any(|(v, f)| (v.name, *f) == (variant.name, factor))
        {
            runs.push((variant, factor));
        }
    }
    runs.into_iter()
}

/// The scenario of this name, or an error with the nearest one.
pub(crate) fn scenario(
    scenarios: &[&'static Scenario],
    name: &str,
) -> anyhow::Result<&'static Scenario> {
    let found = scenarios.iter().find(|scenario| scenario.name == name);
    found.copied().ok_or_else(|| unknown("scenario", name, scenarios.iter().map(|s| s.name)))
}

/// The variant of this name, or an error with the nearest one.
pub(crate) fn named(scenario: &'static Scenario, name: &str) -> anyhow::Result<&'static Variant> {
    let unknown = || {
        unknown(
            &format!("variant of {}", scenario.name),
            name,
            scenario.variants.iter().map(|v| v.name),
        )
    };
    scenario.variant(name).ok_or_else(unknown)
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = &'static str>) -> anyhow::Error {
    let near = known.map(|k| (k, strsim::jaro_winkler(k, name))).max_by(|a, b| a.1.total_cmp(&b.1));
    UsageError::error(match near {
        Some((near, likeness)) if likeness > 0.7 => {
            format!("no {what} is called '{name}': try {near}")
        }
        _ => format!("no {what} is called '{name}': lab list shows all"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lab_kit::{Claim, Truth};
    use lab_recording::Cause;

    const fn variant(name: &'static str, kind: Kind, claims: &'static [Claim]) -> Variant {
        Variant::new(name, kind, |_| Ok(())).claims(claims)
    }

    const TRUTH: Truth = Truth::new(Cause::LongPoll, "made_up::buggy::work").at_most_workers(1);

    pub(crate) static MADE_UP: Scenario = Scenario::new(
        "made-up",
        "",
        &[
            variant("buggy", Kind::Buggy, &[]).truth(TRUTH),
            variant(
                "fixed",
                Kind::Fixed,
                &[
                    Claim::growth("grows", "response_p50_us", 10).at_least(2.0),
                    Claim::growth("and grows", "response_p99_us", 10).at_least(2.0),
                ],
            ),
            variant("other", Kind::Fix, &[]),
        ],
    )
    .brief_ms(500);

    fn names(which: Which<'_>, load: &Load) -> Vec<(&'static str, usize, usize)> {
        let runs = plan(&MADE_UP, which, load, None).unwrap();
        runs.iter().map(|run| (run.variant.name, run.purpose.ratio(), run.load.size)).collect()
    }

    #[test]
    fn one_run_for_one_variant() {
        assert_eq!(names(Which::Buggy, &Load::DEFAULT), [("buggy", 1, 1_024)]);
        assert_eq!(names(Which::Fixed, &Load::DEFAULT), [("fixed", 1, 1_024)]);
        assert_eq!(names(Which::Named("other"), &Load::DEFAULT), [("other", 1, 1_024)]);
        assert_eq!(names(Which::Named("made-up"), &Load::DEFAULT), [("buggy", 1, 1_024)]);
    }

    #[test]
    fn all_brings_one_larger_run_for_several_growth_claims() {
        let all =
            [("buggy", 1, 1_024), ("fixed", 1, 1_024), ("other", 1, 1_024), ("fixed", 10, 10_240)];
        assert_eq!(names(Which::All, &Load::DEFAULT), all);
        let from_file = Load { messages: Some("m.ndjson".into()), ..Load::DEFAULT };
        assert_eq!(names(Which::All, &from_file), all[..3]);
    }

    #[test]
    fn trials_go_from_seed_to_seed() {
        let runs = plan(&MADE_UP, Which::Buggy, &Load::DEFAULT, None).unwrap();
        let seeds: Vec<_> =
            trials(&runs, 3).iter().map(|run| (run.purpose.trial(), run.load.seed)).collect();
        assert_eq!(seeds, [(Some(1), 7), (Some(2), 8), (Some(3), 9)]);
    }

    #[test]
    fn a_wrong_name_brings_the_nearest() {
        let text = |error: anyhow::Error| error.to_string();
        assert!(text(scenario(&[&MADE_UP], "madeup").unwrap_err()).ends_with("try made-up"));
        assert!(
            text(plan(&MADE_UP, Which::Named("fixd"), &Load::DEFAULT, None).unwrap_err())
                .ends_with("try fixed")
        );
        assert!(text(scenario(&[&MADE_UP], "xyz").unwrap_err()).ends_with("lab list shows all"));
    }

    #[test]
    fn the_deadline_follows_the_load() {
        let timeout =
            |given| plan(&MADE_UP, Which::Buggy, &Load::DEFAULT, given).unwrap()[0].timeout;
        assert_eq!(timeout(None), Duration::from_millis(18_500));
        assert_eq!(timeout(Some(Duration::from_secs(2))), Duration::from_secs(2));
    }
}
