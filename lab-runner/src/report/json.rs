//! The machine-readable result, `lab.result.v2`: keys may be added, never renamed. Its schema is
//! checked in as `lab-runner/schema/lab.result.v2.json`.

use crate::report::awaits::{self, RunAwaits};
use crate::report::sched::json::Scheduler;
use crate::report::sweep::FITTED;
use crate::report::trials;
use crate::report::trials::Summary;
use crate::report::{findings, overhead, sched};
use lab_analysis::claims::control::PairedControl;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::comparison::paired::{Comparison, Times};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::diagnosis::Finding;
use lab_analysis::diagnosis::fix_outcome::FixOutcome;
use lab_analysis::growth::Growth;
use lab_analysis::growth::sweep::{Sweep, SweptVariant};
use lab_analysis::profile::Profile;
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
    /// The outcomes of many trials, one entry per variant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trials: Vec<Summary<'a>>,
    /// The result of a comparison, one entry per metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparison: Vec<Compared<'a>>,
    /// The pairs of a comparison, in the order in which they were done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs: Option<Pairs<'a>>,
    /// How the cost of each variant of a sweep grows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sweep: Vec<SweptEntry<'a>>,
    /// Scheduler statistics of the runs under the scheduler profiler.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scheduler: Vec<Scheduler<'a>>,
    /// Where requests awaited, in the runs under the scheduler profiler.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    awaits: Vec<RunAwaits<'a>>,
    /// The slowest request of each run that was followed by its spans.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slow_requests: Vec<SlowRequest<'a>>,
    /// The diagnosis of each variant, in a comparison of each side.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnosis: Vec<findings::OneDiagnosis<'a>>,
    /// Whether the fix removed the cause that was found before it; only in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixOutcome>,
    /// The profiling overhead of each profiled run; empty without profilers.
    overhead: Vec<overhead::json::ProfiledRun<'a>>,
}

#[derive(Debug, Serialize)]
struct SlowRequest<'a> {
    variant: &'a str,
    /// Its number, from the field `id` of its span.
    request: u64,
    /// Duration of its span.
    duration_us: f64,
    /// Number of its polls, and how long all of them that were kept took.
    polls: u64,
    polled_us: f64,
}

#[derive(Debug, Serialize)]
struct Pairs<'a> {
    before: &'a str,
    after: &'a str,
    done: Vec<OnePair<'a>>,
    /// Requests that the sides lost, before and after.
    lost: [f64; 2],
    /// Why the comparison allows no conclusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    invalid: Option<&'a str>,
    /// Conditions that limit the conclusion.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    /// The negative controls, checked on the side after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    negative_controls: Vec<NegativeControl>,
    /// Metric → its scatter between pairs of an A/A comparison on this host, as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<BTreeMap<&'a str, f64>>,
    /// The command that repeats the comparison.
    #[serde(skip_serializing_if = "str::is_empty")]
    command: &'a str,
}

#[derive(Debug, Serialize)]
struct NegativeControl {
    claim: &'static str,
    held: usize,
    broken: usize,
    undecided: usize,
}

#[derive(Debug, Serialize)]
struct OnePair<'a> {
    number: usize,
    first: Side,
    seed: u64,
    /// Why the pair is excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<&'a str>,
    /// CPU time that other processes or the hypervisor took during the pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    disturbed: Option<&'a str>,
    /// How the times of the pair enter the comparison: `measured`, `bounded` or `excluded`.
    times: &'static str,
}

#[derive(Debug, Serialize)]
struct Compared<'a> {
    metric: &'a str,
    primary: bool,
    /// False if there are too few pairs to judge this metric as well.
    judged: bool,
    before: &'a str,
    after: &'a str,
    /// Medians of both sides.
    medians: [f64; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// The confidence interval of the ratio; an unknown end is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    ci: Option<[Option<f64>; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<f64>,
    /// The smallest change that this number of pairs detects at this noise, as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_detectable_change: Option<f64>,
    /// Whether 0.5 was added to both sides of each pair, because a count may be zero.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    halved: bool,
    pairs: usize,
    dropped: usize,
    verdict: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct SweptEntry<'a> {
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
    /// Whether one power law fits all sizes; otherwise the exponent is that of the three largest.
    power_law: bool,
    sizes: usize,
}

#[derive(Debug, Serialize)]
struct Run<'a> {
    variant: &'a str,
    kind: Kind,
    ending: Ending,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// What the host refused the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
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
    /// The result of a closed-loop benchmark of the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    naive: Option<BTreeMap<String, f64>>,
    /// Metrics of which only a bound is known: the range of the true value, and the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    bounds: BTreeMap<&'a str, Range>,
    claims: Vec<Claim<'a>>,
    /// The findings, the costliest first; absent without a profiled run.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<&'a [Finding]>,
}

#[derive(Debug, Serialize)]
struct Range {
    low: f64,
    /// Absent if the true value has no upper bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<f64>,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct Claim<'a> {
    claim: &'a str,
    measure: String,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// `>=`, `<=` or `=`: the required relation of the value to the bound.
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
        sweep: report.sweep.iter().flat_map(|sweep| swept(report, sweep)).collect(),
        scheduler: sched::json::documents(&sched::runs(report)),
        awaits: awaits::documents(report),
        slow_requests: report.profiles.iter().filter_map(slow_request).collect(),
        diagnosis: findings::documents(report),
        fix: diagnosed::fix(report),
        overhead: overhead::json::documents(report),
    }
}

fn slow_request(profile: &Profile) -> Option<SlowRequest<'_>> {
    let slow = profile.slow.as_ref()?;
    Some(SlowRequest {
        variant: &profile.spec.variant,
        request: slow.request,
        duration_us: slow.us,
        polls: slow.polls.len() as u64 + slow.left_out,
        polled_us: slow.polls.iter().map(|poll| poll.us).sum(),
    })
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
            Times::LeftOut => "excluded",
        },
    });
    let Comparison { before, after, invalid, lost, warnings, .. } = comparison;
    Pairs {
        before,
        after,
        done: done.collect(),
        lost: *lost,
        invalid: invalid.as_deref(),
        warnings,
        negative_controls: report.paired_controls.iter().map(negative_control).collect(),
        noise: report.noise.as_ref().map(floors),
        command: &report.spec.command,
    }
}

fn negative_control(kept: &PairedControl) -> NegativeControl {
    let PairedControl { claim, held, broken, undecided } = *kept;
    NegativeControl { claim: claim.says, held, broken, undecided }
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
            minimum_detectable_change: metric.detectable,
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

fn swept<'a>(report: &'a Results, sweep: &'a Sweep) -> Vec<SweptEntry<'a>> {
    let claims = |swept: &SweptVariant| {
        report
            .swept_claims
            .iter()
            .find(|(name, _)| *name == swept.variant)
            .map(|(_, claims)| claims)
    };
    let one = |swept: &'a SweptVariant| SweptEntry {
        variant: &swept.variant,
        kind: swept.kind,
        exponents: FITTED
            .iter()
            .filter_map(|(metric, ..)| Some((*metric, exponent(sweep, swept, metric)?)))
            .collect(),
        medians: FITTED
            .iter()
            .map(|(metric, ..)| (*metric, medians(sweep, swept, metric)))
            .collect(),
        claims: claims(swept).into_iter().flatten().map(one_claim).collect(),
    };
    sweep.variants.iter().map(one).collect()
}

fn exponent(sweep: &Sweep, swept: &SweptVariant, metric: &str) -> Option<Exponent> {
    let growth = sweep.growth(swept, metric).ok()?;
    let Growth { exponent, low, high, pure, sizes, .. } = growth;
    let class = growth.class().to_string();
    Some(Exponent { exponent, low, high, class, power_law: pure, sizes })
}

fn medians(sweep: &Sweep, swept: &SweptVariant, metric: &str) -> Vec<(usize, f64)> {
    sweep
        .sizes()
        .into_iter()
        .filter_map(|size| Some((size, swept.median_at(metric, size)?)))
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
        refused: outcome.refused.as_deref(),
        validity: *verdict,
        reasons,
        notes: &run.notes,
        folder: run.recording.folder.display().to_string(),
        scaled: (spec.purpose.ratio() != 1).then_some(spec.purpose.ratio()),
        metrics: run.metrics.iter().map(|(name, reading)| (name.as_str(), reading.value)).collect(),
        naive: run.naive.as_ref().map(naive),
        bounds: run
            .metrics
            .iter()
            .filter_map(|(name, reading)| Some((name.as_str(), range(reading)?)))
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

fn range(reading: &Reading) -> Option<Range> {
    let high = Some(reading.high).filter(|high| high.is_finite());
    Some(Range { low: reading.low, high, reason: reading.because? })
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
