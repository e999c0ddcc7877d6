//! Judges claims from recordings: held, broken, or not measured. Pure.

pub mod control;
mod stacks;

pub use stacks::profiler_of;

use crate::growth::sweep::{Sweep, SweptVariant};
use crate::host::{disturbance, disturbed, is_time, slowdown};
use crate::profile::Profile;
use crate::requests::{Analysis, Reading, ValidityVerdict};
use lab_kit::{Bound, Claim, Measure, Scenario};
use lab_recording::{Ending, Load};
use serde::Serialize;
use std::fmt;

/// The verdict on a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// The recordings confirm it.
    #[serde(rename = "held")]
    Held,
    /// The recordings show the opposite.
    #[serde(rename = "broken")]
    Broken,
    /// The recordings do not decide it.
    #[serde(rename = "not measured")]
    NotMeasured,
}

/// A judged claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The claim.
    pub claim: Claim,
    /// The verdict.
    pub verdict: Verdict,
    /// The measured value, if there is one.
    pub value: Option<f64>,
    /// Why the claim is undecided; none if it is decided.
    pub reason: Option<String>,
    /// Whether this invocation includes the runs that the claim needs.
    pub applicable: bool,
}

impl Judged {
    /// Whether the bound belongs to other loads than that of the run.
    pub fn is_outside_its_domain(&self) -> bool {
        self.reason.as_deref() == Some(NOT_AT_THIS_LOAD)
    }

    /// Whether the run could have decided the claim but did not.
    pub fn is_undecided(&self) -> bool {
        self.applicable && self.verdict == Verdict::NotMeasured
    }
}

/// The claim on the ending of a variant that has none of its own.
const ENDS_BY_ITSELF: Claim = Claim::ending("ends by itself", Ending::Finished);

/// The claims of a run, judged from the run, the other runs of its invocation, and its
/// profiles.
pub fn judge(
    run: &Analysis,
    others: &[Analysis],
    profiles: &[Profile],
    scenario: &Scenario,
) -> Vec<Judged> {
    let spec = &run.recording.spec;
    let Some(variant) = scenario.variant(&spec.variant) else { return Vec::new() };
    let about_ending = |claim: &&Claim| matches!(claim.measure, Measure::Ending(_));
    let silent = !variant.claims.iter().any(|claim| about_ending(&claim));
    let implied = silent.then_some(&ENDS_BY_ITSELF);
    // A run at a larger size serves the claims of the plain one; by itself it only has to end as
    // that does.
    let own =
        variant.claims.iter().filter(|claim| spec.purpose.ratio() == 1 || about_ending(claim));
    let size = spec.load.size / spec.purpose.ratio();
    let asked_for = Load { size, ..spec.load.clone() };
    let judge = |claim: &Claim| match claim.measure {
        _ if !claim.domain.contains(
            &asked_for,
            &scenario.load,
            scenario.brief_load().duration_ms,
        ) =>
        {
            outside_its_domain(*claim)
        }
        Measure::Stacks(wanted) => undecided_if(
            judged(*claim, stacks::reading(wanted, &run.recording, profiles)),
            stacks::disturbed(wanted, spec, profiles),
        ),
        _ => judge_one(*claim, run, others, scenario),
    };
    implied.into_iter().chain(own).map(judge).collect()
}

/// A claim whose bound does not belong to the load of this run.
fn outside_its_domain(claim: Claim) -> Judged {
    Judged {
        claim,
        verdict: Verdict::NotMeasured,
        value: None,
        reason: Some(NOT_AT_THIS_LOAD.into()),
        applicable: false,
    }
}

const NOT_AT_THIS_LOAD: &str = "not judged at this load";

/// A time that others on the host made longer is undecided, never broken.
fn undecided_if(judged: Judged, disturbance: Option<String>) -> Judged {
    match disturbance.filter(|_| judged.verdict == Verdict::Broken) {
        Some(reason) => Judged { verdict: Verdict::NotMeasured, reason: Some(reason), ..judged },
        None => judged,
    }
}

/// The claims of a variant that a sweep can judge: how its cost grows, and that all its runs end.
pub fn judge_swept(variant: &SweptVariant, sweep: &Sweep, scenario: &Scenario) -> Vec<Judged> {
    let claims = scenario.variant(&variant.variant).map_or(&[][..], |variant| variant.claims);
    // A variant that is to end otherwise than by itself has no cost to fit anything through.
    let about_a_sweep = |claim: &&Claim| {
        is_about_a_sweep(claim) || claim.measure == Measure::Ending(Ending::Finished)
    };
    claims
        .iter()
        .filter(about_a_sweep)
        .map(|claim| judge_one_swept(*claim, variant, sweep, scenario))
        .collect()
}

/// A claim on a variant of a sweep. How a time grows is undecided where others took the host during
/// one of the runs; how a count grows is not.
pub(crate) fn judge_one_swept(
    claim: Claim,
    variant: &SweptVariant,
    sweep: &Sweep,
    scenario: &Scenario,
) -> Judged {
    let judged = judged(claim, swept_reading(claim.measure, variant, sweep, scenario.name));
    let metric = match claim.measure {
        Measure::Exponent(metric)
        | Measure::ExponentUpTo { metric, .. }
        | Measure::RatioAt { metric, .. } => Some(metric),
        _ => None,
    };
    let disturbance = metric.filter(|metric| is_time(metric)).and_then(|_| variant.disturbance());
    undecided_if(judged, disturbance)
}

/// Whether a claim needs runs at several sizes.
pub fn is_about_a_sweep(claim: &Claim) -> bool {
    matches!(
        claim.measure,
        Measure::Exponent(_) | Measure::ExponentUpTo { .. } | Measure::RatioAt { .. }
    )
}

/// Whether a claim needs a profile.
pub fn is_about_a_profiler(claim: &Claim) -> bool {
    matches!(claim.measure, Measure::Stacks(_))
}

/// The verdict on a whole invocation: broken if any claim is, not measured if a claim that
/// needs only this invocation is undecided or if there is none, else held.
pub fn overall<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Verdict {
    let mut judged = judged.into_iter().peekable();
    if judged.peek().is_none() {
        return Verdict::NotMeasured;
    }
    let worst = |so_far: Verdict, one: &Judged| match (so_far, one.verdict) {
        (Verdict::Broken, _) | (_, Verdict::Broken) => Verdict::Broken,
        (_, Verdict::NotMeasured) if one.applicable => Verdict::NotMeasured,
        (so_far, _) => so_far,
    };
    judged.fold(Verdict::Held, worst)
}

/// Why a claim has no value.
enum Missing {
    /// The run that it needs was not part of the invocation.
    NotApplicable(String),
    /// The run has no such value.
    NotMeasured(String),
}

fn judge_one(claim: Claim, run: &Analysis, others: &[Analysis], scenario: &Scenario) -> Judged {
    if run.recording.outcome.ending == Ending::Unfinished {
        return judged(claim, Err(Missing::NotMeasured("the run was interrupted".into())));
    }
    let judged = judged(claim, reading(claim.measure, run, others));
    let mut compared = compared(claim.measure, run, others);
    let disturbance = match host_dependence(claim.measure, run, scenario) {
        HostDependence::Time => compared.find_map(disturbed),
        HostDependence::Completion => compared
            .find(|run| slowdown(run).is_none())
            .and_then(|run| disturbance(&run.recording.outcome)),
        HostDependence::None => None,
    };
    undecided_if(judged, disturbance)
}

/// How others on the host may have broken a claim.
enum HostDependence {
    /// It is on a time, or on what is done before a deadline: whatever others took may be in it.
    Time,
    /// It is on whether work is completed before the run is over: only a host of which others took
    /// most is too slow for that.
    Completion,
    /// It is on a count.
    None,
}

fn host_dependence(measure: Measure, run: &Analysis, scenario: &Scenario) -> HostDependence {
    let (metric, of) = match measure {
        Measure::Metric(metric)
        | Measure::Ratio { metric, .. }
        | Measure::Growth { metric, .. } => (metric, metric),
        Measure::Share { metric, of } => (metric, of),
        // A slow host makes a run late, and crashes none.
        Measure::Ending(_) if run.recording.outcome.ending == Ending::Hung => {
            return HostDependence::Completion;
        }
        _ => return HostDependence::None,
    };
    let has_deadline = |name: &str| {
        scenario.metrics.iter().any(|metric| metric.name == name && metric.before_deadline)
    };
    if [metric, of].into_iter().any(|name| is_time(name) || has_deadline(name)) {
        HostDependence::Time
    } else if [metric, of].into_iter().any(|name| COMPLETION.contains(&name))
        || run.recording.outcome.ending == Ending::Hung
    {
        // A run that was killed did not complete whatever it counts.
        HostDependence::Completion
    } else {
        HostDependence::None
    }
}

/// Counts of what was completed, and of what was not, when a run was over.
const COMPLETION: [&str; 3] = ["completed", "answered", "lost"];

/// The run, and the others that a claim on it looks at.
fn compared<'a>(
    measure: Measure,
    run: &'a Analysis,
    others: &'a [Analysis],
) -> impl Iterator<Item = &'a Analysis> {
    let variant = &run.recording.spec.variant;
    let concerned = others.iter().filter(move |other| match measure {
        Measure::Ratio { over, .. } => other.recording.spec.variant == over,
        Measure::Growth { .. } => other.recording.spec.variant == *variant,
        _ => false,
    });
    std::iter::once(run).chain(concerned)
}

fn judged(claim: Claim, reading: Result<Reading, Missing>) -> Judged {
    let (verdict, value, reason, applicable) = match reading {
        Ok(reading) => match compare(&reading, claim.bound) {
            Verdict::NotMeasured => {
                (Verdict::NotMeasured, Some(reading.value), Some(unclear(&reading)), true)
            }
            verdict => (verdict, Some(reading.value), None, true),
        },
        Err(Missing::NotApplicable(reason)) => (Verdict::NotMeasured, None, Some(reason), false),
        Err(Missing::NotMeasured(reason)) => (Verdict::NotMeasured, None, Some(reason), true),
    };
    Judged { claim, verdict, value, reason, applicable }
}

fn unclear(reading: &Reading) -> String {
    let high =
        if reading.high.is_finite() { format!("{:.3}", reading.high) } else { "infinity".into() };
    let because = reading.because.unwrap_or("the repetitions differ by this much");
    format!("the truth lies between {:.3} and {high}: {because}", reading.low)
}

/// Whether the whole range of a reading keeps a bound, or the whole of it does not.
fn compare(reading: &Reading, bound: Bound) -> Verdict {
    let (low, high) = (reading.low, reading.high);
    let (keeps, breaks) = match bound {
        Bound::AtLeast(bound) => (low >= bound, high < bound),
        Bound::AtMost(bound) => (high <= bound, low > bound),
        Bound::Equal(bound) => {
            let slack = 1e-9 * bound.abs();
            let near = |value: f64| (value - bound).abs() <= slack;
            (near(low) && near(high), low > bound + slack || high < bound - slack)
        }
    };
    match (keeps, breaks) {
        (true, _) => Verdict::Held,
        (_, true) => Verdict::Broken,
        _ => Verdict::NotMeasured, // also where it is no number
    }
}

fn reading(measure: Measure, run: &Analysis, others: &[Analysis]) -> Result<Reading, Missing> {
    match measure {
        Measure::Ending(expected) => ending(expected, run),
        Measure::Metric(name) => metric(run, name),
        Measure::Share { metric: name, of } => Ok(metric(run, name)?.over(&metric(run, of)?)),
        Measure::Ratio { .. } if run.recording.spec.load.files.is_some() => {
            Err(Missing::NotApplicable(
                "not judged with --files: the time of real files is unknown".into(),
            ))
        }
        Measure::Ratio { metric: name, over } => {
            let trial = run.recording.spec.purpose.trial();
            let same = |other: &&Analysis| {
                let spec = &other.recording.spec;
                spec.variant == over && spec.purpose.ratio() == 1 && spec.purpose.trial() == trial
            };
            let missing =
                || Missing::NotApplicable(format!("needs {over} in the same invocation: --all"));
            let over = others.iter().find(same).ok_or_else(missing)?;
            Ok(metric(run, name)?.over(&metric_of_other(over, name)?))
        }
        Measure::Stacks(_) => Err(Missing::NotApplicable("needs a profile".into())),
        Measure::Exponent(_) | Measure::ExponentUpTo { .. } | Measure::RatioAt { .. } => {
            Err(Missing::NotApplicable(format!(
                "needs several sizes: lab sweep {}",
                run.recording.spec.scenario
            )))
        }
        Measure::Growth { metric: name, factor } => {
            let spec = &run.recording.spec;
            let larger = |other: &&Analysis| {
                (&other.recording.spec.variant, other.recording.spec.purpose.ratio())
                    == (&spec.variant, factor)
            };
            let missing = || {
                Missing::NotApplicable(match &spec.load.messages {
                    Some(_) => {
                        "not judged with --messages: the size of the messages is given".into()
                    }
                    None => format!("needs a run at {factor} × the size: --all"),
                })
            };
            let larger = others.iter().find(larger).ok_or_else(missing)?;
            Ok(metric_of_other(larger, name)?.over(&metric(run, name)?))
        }
    }
}

fn swept_reading(
    measure: Measure,
    variant: &SweptVariant,
    sweep: &Sweep,
    scenario: &str,
) -> Result<Reading, Missing> {
    match measure {
        Measure::ExponentUpTo { metric, size } => match sweep.sizes().last() {
            Some(largest) if *largest >= size => {
                swept_reading(Measure::Exponent(metric), variant, sweep, scenario)
            }
            _ => Err(Missing::NotApplicable(format!("needs size {size}: lab sweep {scenario}"))),
        },
        Measure::Exponent(metric) => {
            let growth = sweep.growth(variant, metric).map_err(Missing::NotMeasured)?;
            let because = (!growth.pure)
                .then_some("no single power law: exponent of the three largest sizes");
            Ok(Reading { value: growth.exponent, low: growth.low, high: growth.high, because })
        }
        Measure::RatioAt { metric, over, size } => {
            let missing =
                || Missing::NotApplicable(format!("needs size {size}: lab sweep {scenario}"));
            let over = sweep
                .variant(over)
                .and_then(|over| median_and_range(over, metric, size))
                .ok_or_else(missing)?;
            Ok(median_and_range(variant, metric, size).ok_or_else(missing)?.over(&over))
        }
        _ => match variant.unfinished() {
            Some((Ending::Unfinished, _)) => {
                Err(Missing::NotMeasured("a run was interrupted".into()))
            }
            Some((Ending::Hung, size)) => {
                Err(Missing::NotMeasured(format!("size {size} took longer than its --timeout")))
            }
            unfinished => Ok(Reading::exact(f64::from(u8::from(unfinished.is_none())))),
        },
    }
}

/// The median of the repetitions, and all that they were between.
fn median_and_range(variant: &SweptVariant, metric: &str, size: usize) -> Option<Reading> {
    let values = variant.values(metric, size);
    Some(Reading {
        value: variant.median_at(metric, size)?,
        low: values.iter().copied().reduce(f64::min)?,
        high: values.iter().copied().reduce(f64::max)?,
        because: None,
    })
}

/// An ending is 1 if it is the expected one, else 0. A run that was cut off from outside has none.
fn ending(expected: Ending, run: &Analysis) -> Result<Reading, Missing> {
    not_refused(run)?;
    match run.recording.outcome.ending {
        Ending::Unfinished if expected != Ending::Unfinished => {
            Err(Missing::NotMeasured("the run was interrupted".into()))
        }
        ending => Ok(Reading::exact(f64::from(u8::from(ending == expected)))),
    }
}

/// Nothing is judged by a run to which the host refused something: another host gives it.
fn not_refused(run: &Analysis) -> Result<(), Missing> {
    match &run.recording.outcome.refused {
        Some(refused) => Err(Missing::NotMeasured(format!("the host refused it: {refused}"))),
        None => Ok(()),
    }
}

/// A metric to compare with: of a run that did not finish it would not be of the same work.
fn metric_of_other(other: &Analysis, name: &str) -> Result<Reading, Missing> {
    match other.recording.outcome.ending {
        Ending::Finished => metric(other, name),
        ending => Err(Missing::NotMeasured(format!(
            "the run of {} ended {ending}",
            other.recording.spec.variant
        ))),
    }
}

fn metric(run: &Analysis, name: &str) -> Result<Reading, Missing> {
    let spec = &run.recording.spec;
    not_refused(run)?;
    if run.validity.verdict == ValidityVerdict::Invalid {
        let why = run.validity.reasons.join("; ");
        return Err(Missing::NotMeasured(format!("the run of {} is invalid: {why}", spec.variant)));
    }
    let missing = || match &spec.load.files {
        Some(_) => Missing::NotApplicable(format!("{name} is unknown with --files")),
        None => Missing::NotMeasured(format!("{name} of {} was not measured", spec.variant)),
    };
    run.metrics.get(name).cloned().ok_or_else(missing)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Held => "held",
            Verdict::Broken => "broken",
            Verdict::NotMeasured => "not measured",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bound: Bound, low: f64, high: f64) -> Verdict {
        compare(&Reading { value: low, low, high, because: None }, bound)
    }

    #[test]
    fn an_exact_reading_is_judged_both_ways() {
        let exact = |bound, value| judged(bound, value, value);
        assert_eq!(exact(Bound::AtLeast(2.0), 2.0), Verdict::Held);
        assert_eq!(exact(Bound::AtLeast(2.0), 1.9), Verdict::Broken);
        assert_eq!(exact(Bound::AtMost(2.0), 2.1), Verdict::Broken);
        assert_eq!(exact(Bound::Equal(1.0), 1.0), Verdict::Held);
        assert_eq!(exact(Bound::Equal(1.0), 0.99), Verdict::Broken);
        assert_eq!(exact(Bound::AtMost(2.0), f64::NAN), Verdict::NotMeasured);
    }

    #[test]
    fn a_range_is_judged_only_if_all_of_it_lies_on_one_side() {
        let (least, most) = (Bound::AtLeast(2.0), Bound::AtMost(2.0));
        let unknown = f64::INFINITY;
        assert_eq!(judged(least, 3.0, unknown), Verdict::Held);
        assert_eq!(judged(least, 1.0, unknown), Verdict::NotMeasured);
        assert_eq!(judged(most, 3.0, unknown), Verdict::Broken);
        assert_eq!(judged(most, 1.0, unknown), Verdict::NotMeasured);
        assert_eq!(judged(most, 0.0, 1.0), Verdict::Held);
        assert_eq!(judged(least, 0.0, 1.0), Verdict::Broken);
        assert_eq!(judged(least, 1.0, 3.0), Verdict::NotMeasured);
        assert_eq!(judged(Bound::Equal(1.0), 0.5, 1.5), Verdict::NotMeasured);
        assert_eq!(judged(Bound::Equal(1.0), 1.2, 1.5), Verdict::Broken);
    }

    #[test]
    fn one_broken_claim_breaks_the_whole_and_an_unasked_one_does_not_count() {
        let with = |verdict, applicable| Judged {
            claim: Claim::metric("", "lost").equal(0.0),
            verdict,
            value: None,
            reason: None,
            applicable,
        };
        let (held, unasked) = (with(Verdict::Held, true), with(Verdict::NotMeasured, false));
        assert_eq!(overall([]), Verdict::NotMeasured, "no claim, no verdict");
        assert_eq!(overall([&held, &unasked]), Verdict::Held);
        assert_eq!(overall([&held, &with(Verdict::NotMeasured, true)]), Verdict::NotMeasured);
        assert_eq!(
            overall([&with(Verdict::Broken, true), &with(Verdict::NotMeasured, true)]),
            Verdict::Broken
        );
    }

    /// A scenario with a counter of what is done before a deadline.
    static SCENARIO: Scenario = Scenario::new("made-up", "", &[])
        .metrics(&[lab_kit::Metric::higher("files_in_time", "files", 0.05, "files read in time")
            .before_deadline()]);

    fn beside(foreign_cores: f64, metrics: &[(&str, f64)]) -> Analysis {
        let mut run = crate::comparison::paired::tests::run(1, "a", metrics);
        run.recording.spec.environment.cores = Some(2);
        run.recording.outcome.foreign_cores = Some(foreign_cores);
        run
    }

    #[test]
    fn what_needs_time_to_be_done_is_undecided_on_a_host_that_gives_none() {
        let in_time = Claim::metric("", "files_in_time").at_least(6.0);
        let answered = Claim::share("", "completed", "offered").equal(1.0);
        let polls = Claim::metric("", "polls_per_op").at_most(2.0);
        let metrics =
            [("files_in_time", 2.0), ("completed", 8.0), ("offered", 9.0), ("polls_per_op", 9.0)];
        let verdicts = |cores: f64| {
            let run = beside(cores, &metrics);
            [in_time, answered, polls].map(|claim| judge_one(claim, &run, &[], &SCENARIO).verdict)
        };
        use Verdict::{Broken, NotMeasured};
        assert_eq!(verdicts(0.0), [Broken; 3]);
        assert_eq!(verdicts(0.2), [NotMeasured, Broken, Broken], "a deadline may be missed");
        assert_eq!(verdicts(1.5), [NotMeasured, NotMeasured, Broken], "a poll is a poll");
        let mut killed = beside(1.5, &metrics);
        killed.recording.outcome.ending = Ending::Hung;
        let verdict = judge_one(polls, &killed, &[], &SCENARIO).verdict;
        assert_eq!(verdict, NotMeasured, "a host that is too slow may have left it half done");
    }

    #[test]
    fn a_busy_host_leaves_times_undecided_and_counts_as_they_are() {
        let mut busy =
            crate::comparison::paired::tests::run(1, "a", &[("wait_p99_us", 9.0), ("lost", 3.0)]);
        let time = Claim::metric("", "wait_p99_us").at_most(5.0);
        let count = Claim::metric("", "lost").equal(0.0);
        let verdicts = |run: &Analysis| {
            [time, count].map(|claim| judge_one(claim, run, &[], &SCENARIO).verdict)
        };
        assert_eq!(verdicts(&busy), [Verdict::Broken, Verdict::Broken]);
        busy.recording.outcome.foreign_cores = Some(0.5);
        assert_eq!(verdicts(&busy), [Verdict::NotMeasured, Verdict::Broken]);
        let kept = Claim::metric("", "wait_p99_us").at_most(10.0);
        assert_eq!(
            judge_one(kept, &busy, &[], &SCENARIO).verdict,
            Verdict::Held,
            "a busy host makes nothing faster"
        );
    }

    #[test]
    fn the_other_run_of_a_ratio_may_be_the_disturbed_one() {
        let run =
            |variant| crate::comparison::paired::tests::run(1, variant, &[("wait_p99_us", 9.0)]);
        let (plain, mut other) = (run("a"), run("b"));
        other.recording.outcome.foreign_cores = Some(0.5);
        let claim = Claim::ratio("", "wait_p99_us", "b").at_most(0.5);
        assert_eq!(judge_one(claim, &plain, &[run("b")], &SCENARIO).verdict, Verdict::Broken);
        assert_eq!(judge_one(claim, &plain, &[other], &SCENARIO).verdict, Verdict::NotMeasured);
    }
}
