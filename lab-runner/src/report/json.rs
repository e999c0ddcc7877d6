//! The machine-readable result, `lab.result.v2`: keys may be added, never renamed. Its schema is
//! checked in as `lab-runner/schema/lab.result.v2.json`.

use crate::report::sched::json::Scheduler;
use crate::report::sweep::FITTED;
use crate::report::trials;
use crate::report::trials::Summary;
use crate::report::{findings, overhead, sched};
use lab_analysis::claims::control::Kept;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::comparison::paired::{Comparison, Times};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::diagnosis::Finding;
use lab_analysis::diagnosis::cured::FixOutcome;
use lab_analysis::growth::Growth;
use lab_analysis::growth::sweep::{Sweep, Way};
use lab_analysis::requests::{Analysis, Naive, QUANTILES, Reading, Validity, ValidityVerdict};
use lab_analysis::results::Results;
use lab_analysis::results::diagnosed;
use lab_analysis::results::noise::Noise;
use lab_kit::Bound;
use lab_recording::spec::{Environment, Side};
use lab_recording::{Ending, Kind, Load};
use serde::Serialize;
use std::collections::BTreeMap;

/// The document of a report.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema: &'static str,
    scenario: &'a str,
    verdict: Verdict,
    load: &'a Load,
    environment: &'a Environment,
    runs: Vec<Run<'a>>,
    /// What many trials came to, a variant each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trials: Vec<Summary<'a>>,
    /// What the pairs of a comparison came to, a metric each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparison: Vec<Compared<'a>>,
    /// The pairs of a comparison, in the order in which they were done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs: Option<Pairs<'a>>,
    /// How the cost of each way of a sweep grows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sweep: Vec<SweptWay<'a>>,
    /// What the scheduler did in the runs that a profiler looked at it in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scheduler: Vec<Scheduler<'a>>,
    /// What is wrong with each variant, in a comparison with each side.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnosis: Vec<findings::OneDiagnosis<'a>>,
    /// What became of the cause that was named before, in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixOutcome>,
    /// What watching cost the runs that profilers looked into; empty if nobody watched.
    watching: Vec<overhead::json::Watched<'a>>,
}

#[derive(Debug, Serialize)]
struct Pairs<'a> {
    before: &'a str,
    after: &'a str,
    done: Vec<OnePair<'a>>,
    /// Requests that the sides lost, before and after.
    lost: [f64; 2],
    /// Why nothing can be concluded from them.
    #[serde(skip_serializing_if = "Option::is_none")]
    invalid: Option<&'a str>,
    /// What a reader has to know before believing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    /// What the side after keeps of what tells a fix from a trap.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept: Vec<OneKept>,
    /// Metric → how far it scatters from pair to pair on this machine where nothing changed, as a
    /// share.
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<BTreeMap<&'a str, f64>>,
    /// The command that gives this again.
    #[serde(skip_serializing_if = "str::is_empty")]
    command: &'a str,
}

#[derive(Debug, Serialize)]
struct OneKept {
    claim: &'static str,
    held: usize,
    broken: usize,
    unclear: usize,
}

#[derive(Debug, Serialize)]
struct OnePair<'a> {
    number: usize,
    first: Side,
    seed: u64,
    /// Why nothing of it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<&'a str>,
    /// What others took from the host beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    disturbed: Option<&'a str>,
    /// How its times are compared: `measured`, `bounded` or `left out`.
    times: &'static str,
}

#[derive(Debug, Serialize)]
struct Compared<'a> {
    metric: &'a str,
    primary: bool,
    /// False if there are too few pairs to judge it beside the others.
    judged: bool,
    before: &'a str,
    after: &'a str,
    /// Medians of both sides.
    medians: [f64; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// The interval of the ratio; an end that nobody can tell is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    ci: Option<[Option<f64>; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<f64>,
    /// The smallest change that so many pairs show at this noise, as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    sees: Option<f64>,
    /// Half of one was added to both sides of each pair, for one of them may be zero.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    halved: bool,
    pairs: usize,
    dropped: usize,
    verdict: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct SweptWay<'a> {
    variant: &'a str,
    kind: Kind,
    exponents: BTreeMap<&'static str, Exponent>,
    /// Metric → size and median, ascending.
    medians: BTreeMap<&'static str, Vec<(usize, f64)>>,
    claims: Vec<Claim<'a>>,
}

#[derive(Debug, Serialize)]
struct Exponent {
    exponent: f64,
    low: f64,
    high: f64,
    class: String,
    /// False if it bends: then it is that of the three largest sizes.
    pure: bool,
    sizes: usize,
}

#[derive(Debug, Serialize)]
struct Run<'a> {
    variant: &'a str,
    kind: Kind,
    ending: Ending,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    validity: ValidityVerdict,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reasons: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    folder: String,
    /// Present when the size of the load was multiplied for this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    scaled: Option<usize>,
    metrics: BTreeMap<&'a str, f64>,
    /// What a closed-loop benchmark would have said of the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    naive: Option<BTreeMap<String, f64>>,
    /// Metrics that are only a bound: the range in which the truth lies, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    marks: BTreeMap<&'a str, Mark>,
    claims: Vec<Claim<'a>>,
    /// What is wrong with it; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<&'a [Finding]>,
}

#[derive(Debug, Serialize)]
struct Mark {
    low: f64,
    /// Absent if nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<f64>,
    because: &'static str,
}

#[derive(Debug, Serialize)]
struct Claim<'a> {
    claim: &'a str,
    measure: String,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// `>=`, `<=` or `=`: how the value must stand to the bound.
    must_be: &'static str,
    bound: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Builds the document of a report.
pub fn document(report: &Results) -> Document<'_> {
    let first = &report.spec;
    Document {
        schema: "lab.result.v2",
        scenario: &first.scenario,
        verdict: report.verdict,
        load: &first.load,
        environment: &first.environment,
        runs: report.runs.iter().map(|(run, claims)| one_run(report, run, claims)).collect(),
        trials: trials::summaries(report),
        comparison: report.comparison.as_ref().map(compared).unwrap_or_default(),
        pairs: report.comparison.as_ref().map(|comparison| pairs(report, comparison)),
        sweep: report.sweep.iter().flat_map(|sweep| swept_ways(report, sweep)).collect(),
        scheduler: sched::json::documents(&sched::runs(report)),
        diagnosis: findings::documents(report),
        fix: diagnosed::fix(report),
        watching: overhead::json::documents(report),
    }
}

fn pairs<'a>(report: &'a Results, comparison: &'a Comparison) -> Pairs<'a> {
    let done = comparison.pairs.iter().map(|pair| OnePair {
        number: pair.number,
        first: pair.first,
        seed: pair.seed,
        dropped: pair.dropped.as_deref(),
        disturbed: pair.disturbed.as_deref(),
        times: match pair.times {
            Times::Measured => "measured",
            Times::Bounded(_) => "bounded",
            Times::LeftOut => "left out",
        },
    });
    let Comparison { before, after, invalid, lost, warnings, .. } = comparison;
    let one = |kept: &Kept| {
        let Kept { claim, held, broken, unclear } = *kept;
        OneKept { claim: claim.says, held, broken, unclear }
    };
    Pairs {
        before,
        after,
        done: done.collect(),
        lost: *lost,
        invalid: invalid.as_deref(),
        warnings,
        kept: report.kept.iter().map(one).collect(),
        noise: report.noise.as_ref().map(floors),
        command: &report.spec.command,
    }
}

fn floors(noise: &Noise) -> BTreeMap<&str, f64> {
    noise.floors.iter().map(|(metric, sd)| (metric.as_str(), sd.exp_m1())).collect()
}

fn compared(comparison: &Comparison) -> Vec<Compared<'_>> {
    let finite = |end: f64| end.is_finite().then_some(end);
    let dropped = comparison.pairs.len() - comparison.kept();
    let metrics = comparison.metrics.iter().map(|metric| {
        let estimate = metric.estimate.as_ref().ok();
        Compared {
            metric: &metric.metric,
            primary: metric.primary,
            judged: metric.judged,
            before: &comparison.before,
            after: &comparison.after,
            medians: [metric.before.value, metric.after.value],
            ratio: estimate.map(|estimate| estimate.ratio),
            ci: estimate.map(|estimate| [finite(estimate.low), finite(estimate.high)]),
            level: estimate.map(|estimate| estimate.level),
            sees: metric.detectable,
            halved: metric.halved,
            pairs: estimate.map_or(0, |estimate| estimate.pairs),
            dropped,
            verdict: if comparison.invalid.is_some() {
                Change::Inconclusive
            } else {
                metric.change
            },
            reason: comparison.invalid.as_deref().or(metric
                .estimate
                .as_ref()
                .err()
                .map(String::as_str)),
        }
    });
    metrics.collect()
}

fn swept_ways<'a>(report: &'a Results, sweep: &'a Sweep) -> Vec<SweptWay<'a>> {
    let claims = |way: &Way| {
        report.ways.iter().find(|(name, _)| *name == way.variant).map(|(_, claims)| claims)
    };
    let one = |way: &'a Way| SweptWay {
        variant: &way.variant,
        kind: way.kind,
        exponents: FITTED
            .iter()
            .filter_map(|(metric, ..)| Some((*metric, exponent(sweep, way, metric)?)))
            .collect(),
        medians: FITTED.iter().map(|(metric, ..)| (*metric, medians(sweep, way, metric))).collect(),
        claims: claims(way).into_iter().flatten().map(one_claim).collect(),
    };
    sweep.ways.iter().map(one).collect()
}

fn exponent(sweep: &Sweep, way: &Way, metric: &str) -> Option<Exponent> {
    let growth = sweep.growth(way, metric).ok()?;
    let Growth { exponent, low, high, pure, sizes, .. } = growth;
    Some(Exponent { exponent, low, high, class: growth.class().to_string(), pure, sizes })
}

fn medians(sweep: &Sweep, way: &Way, metric: &str) -> Vec<(usize, f64)> {
    sweep
        .sizes()
        .into_iter()
        .filter_map(|size| Some((size, way.median_at(metric, size)?)))
        .collect()
}

fn one_run<'a>(report: &'a Results, run: &'a Analysis, claims: &'a [Judged]) -> Run<'a> {
    let (spec, outcome) = (&run.recording.spec, &run.recording.outcome);
    let Validity { verdict, reasons } = &run.validity;
    Run {
        variant: &spec.variant,
        kind: spec.kind,
        ending: outcome.ending,
        text: outcome.text.as_deref(),
        validity: *verdict,
        reasons,
        notes: &run.notes,
        folder: run.recording.folder.display().to_string(),
        scaled: (spec.purpose.ratio() != 1).then_some(spec.purpose.ratio()),
        metrics: run.metrics.iter().map(|(name, reading)| (name.as_str(), reading.value)).collect(),
        naive: run.naive.as_ref().map(naive),
        marks: run
            .metrics
            .iter()
            .filter_map(|(name, reading)| Some((name.as_str(), mark(reading)?)))
            .collect(),
        claims: claims.iter().map(one_claim).collect(),
        findings: findings::of_run(report, run),
    }
}

fn naive(naive: &Naive) -> BTreeMap<String, f64> {
    let quantiles = QUANTILES
        .iter()
        .zip(naive.us)
        .filter_map(|((_, name), us)| Some((format!("{name}_us"), us?)));
    quantiles.chain([("sent".to_owned(), naive.sent as f64)]).collect()
}

fn mark(reading: &Reading) -> Option<Mark> {
    let high = Some(reading.high).filter(|high| high.is_finite());
    Some(Mark { low: reading.low, high, because: reading.because? })
}

fn one_claim(judged: &Judged) -> Claim<'_> {
    let (must_be, bound) = match judged.claim.bound {
        Bound::AtLeast(bound) => (">=", bound),
        Bound::AtMost(bound) => ("<=", bound),
        Bound::Equal(bound) => ("=", bound),
    };
    Claim {
        claim: judged.claim.says,
        measure: judged.claim.measure.to_string(),
        verdict: judged.verdict,
        value: judged.value.filter(|value| value.is_finite()),
        must_be,
        bound,
        reason: judged.reason.as_deref(),
    }
}
