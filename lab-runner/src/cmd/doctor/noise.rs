//! The noise of this machine from an A/A comparison: the scatter of equal runs, the minimum
//! detectable change, and false positives. Pure.

use lab_analysis::comparison::paired::{Compared, Comparison};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::requests::{Analysis, ValidityVerdict};
use lab_analysis::stats::estimate::{Estimate, detectable};
use serde::Serialize;

/// The listed numbers of pairs.
const PAIRS: [usize; 5] = [6, 8, 12, 16, 30];
/// The default of `lab compare`.
const USUAL_PAIRS: usize = 8;

/// The result of an A/A comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Noise {
    pub judgement: Judgement,
    /// Why it is not quiet.
    pub reasons: Vec<String>,
    pub pairs: usize,
    pub kept: usize,
    pub dropped: Vec<Dropped>,
    /// The primary metric first.
    pub metrics: Vec<MetricNoise>,
    /// Minimum detectable change of the primary metric, by the number of pairs.
    pub detectable: Vec<Detectable>,
    pub load_generator: Option<LoadGenerator>,
    /// Names of the other processes that used most CPU time meanwhile.
    pub busiest: Vec<String>,
}

/// The judgement of an A/A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Judgement {
    /// No metric counts as changed.
    Quiet,
    /// A metric counts as changed.
    #[serde(rename = "false alarm")]
    FalseAlarm,
    /// Too many pairs were disturbed for a verdict.
    #[serde(rename = "too busy")]
    TooBusy,
    /// The primary metric has no estimate.
    #[serde(rename = "not measured")]
    NotMeasured,
}

/// A pair that does not count.
#[derive(Debug, Serialize)]
pub(crate) struct Dropped {
    pub pair: usize,
    pub reason: String,
}

/// The noise of one metric.
#[derive(Debug, Serialize)]
pub(crate) struct MetricNoise {
    pub metric: String,
    pub primary: bool,
    /// Its verdict in the comparison; absent where there are too few pairs to judge it beside the
    /// others.
    pub verdict: Option<Change>,
    /// Standard deviation of the log ratio of a pair. Absent where only bounds are compared.
    pub floor: Option<f64>,
    /// The interval of a ratio whose true value is 1; an unknown end is null.
    pub interval: Option<[Option<f64>; 2]>,
    /// Minimum detectable change with eight pairs, as a share.
    pub detectable_with_8: Option<f64>,
    /// Why there is no noise floor.
    pub reason: Option<String>,
}

/// Minimum detectable change with so many pairs, as a share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Detectable {
    pub pairs: usize,
    pub change: f64,
}

/// How late requests were sent, in microseconds: medians over the runs, and the worst of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct LoadGenerator {
    pub lag_p50_us: f64,
    /// Absent where no run had requests enough.
    pub lag_p99_us: Option<f64>,
    pub worst_lag_p99_us: Option<f64>,
    pub runs: usize,
    pub invalid: usize,
}

impl Noise {
    /// The noise in an A/A comparison, which is absent if no pair is whole.
    pub fn new<'a>(
        comparison: Option<&Comparison>,
        runs: impl Iterator<Item = &'a Analysis>,
        others: Vec<String>,
    ) -> Noise {
        let (judgement, reasons) =
            comparison.map_or_else(no_pair, |comparison| judge(comparison, &others));
        let metrics: Vec<_> = comparison
            .iter()
            .flat_map(|comparison| comparison.metrics.iter().map(noise_of))
            .collect();
        let floor = metrics.iter().find(|metric| metric.primary).and_then(|metric| metric.floor);
        let by_pairs =
            |sd| PAIRS.map(|pairs| Detectable { pairs, change: detectable(sd, pairs) }).to_vec();
        Noise {
            judgement,
            reasons,
            pairs: comparison.map_or(0, |comparison| comparison.pairs.len()),
            kept: comparison.map_or(0, Comparison::kept),
            dropped: comparison.map(dropped).unwrap_or_default(),
            detectable: floor.map(by_pairs).unwrap_or_default(),
            metrics,
            load_generator: load_generator(&runs.collect::<Vec<_>>()),
            busiest: others,
        }
    }
}

fn no_pair() -> (Judgement, Vec<String>) {
    (Judgement::NotMeasured, vec!["no pair was completed".into()])
}

fn judge(comparison: &Comparison, others: &[String]) -> (Judgement, Vec<String>) {
    if let Some(why) = &comparison.invalid {
        let busy = (!others.is_empty())
            .then(|| format!("most CPU time was used by {}", others.join(", ")));
        return (Judgement::TooBusy, std::iter::once(why.clone()).chain(busy).collect());
    }
    let alarms = false_alarms(comparison);
    if !alarms.is_empty() {
        return (Judgement::FalseAlarm, alarms);
    }
    match comparison.metrics.iter().find(|metric| metric.primary).map(|metric| &metric.estimate) {
        Some(Ok(_)) => (Judgement::Quiet, Vec::new()),
        Some(Err(why)) => (Judgement::NotMeasured, vec![why.clone()]),
        None => (Judgement::NotMeasured, vec!["the primary metric was not measured".into()]),
    }
}

/// The metrics that count as changed although both sides are the same.
fn false_alarms(comparison: &Comparison) -> Vec<String> {
    let called = comparison.metrics.iter().filter(|metric| metric.judged);
    let called =
        called.filter(|metric| matches!(metric.change, Change::Improved | Change::Regressed));
    let mut alarms: Vec<String> =
        called.map(|metric| format!("{} counts as {}", metric.metric, metric.change)).collect();
    if comparison.loses_more() {
        let [before, after] = comparison.lost;
        alarms.push(format!("one side lost {before:.0} requests and the other {after:.0}"));
    }
    alarms
}

fn dropped(comparison: &Comparison) -> Vec<Dropped> {
    let dropped = comparison.pairs.iter().filter_map(|pair| {
        let reason = pair.dropped.clone().or_else(|| pair.disturbed.clone())?;
        Some(Dropped { pair: pair.number, reason })
    });
    dropped.collect()
}

fn noise_of(metric: &Compared) -> MetricNoise {
    let finite = |end: f64| end.is_finite().then_some(end);
    let estimate = metric.estimate.as_ref().ok();
    // How bounds scatter is unknown.
    let exact = |estimate: &&Estimate| estimate.t.1.is_finite();
    let floor = estimate.filter(exact).map(|estimate| estimate.sd);
    let no_floor = || {
        metric
            .estimate
            .clone()
            .err()
            .unwrap_or_else(|| "only a bound: as low as the lab can measure".into())
    };
    MetricNoise {
        metric: metric.metric.clone(),
        primary: metric.primary,
        verdict: metric.judged.then_some(metric.change),
        floor,
        interval: estimate.map(|estimate| [finite(estimate.low), finite(estimate.high)]),
        detectable_with_8: floor.map(|sd| detectable(sd, USUAL_PAIRS)),
        reason: floor.is_none().then(no_floor),
    }
}

/// How the pacer did, if the runs had one.
fn load_generator(runs: &[&Analysis]) -> Option<LoadGenerator> {
    let sorted = |metric: &str| {
        let mut values: Vec<f64> =
            runs.iter().filter_map(|run| Some(run.metrics.get(metric)?.value)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (p50, p99) = (sorted("pacer_lag_p50_us"), sorted("pacer_lag_p99_us"));
    Some(LoadGenerator {
        lag_p50_us: *p50.get(p50.len() / 2)?,
        lag_p99_us: p99.get(p99.len() / 2).copied(),
        worst_lag_p99_us: p99.last().copied(),
        runs: runs.len(),
        invalid: runs.iter().filter(|run| run.validity.verdict == ValidityVerdict::Invalid).count(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lab_analysis::comparison::paired::{Directions, Pair, Times};
    use lab_analysis::requests::Reading;
    use lab_analysis::stats::estimate::estimate;
    use lab_recording::spec::Side;

    fn compared(metric: &str, primary: bool, change: Change) -> Compared {
        Compared {
            metric: metric.into(),
            primary,
            before: Reading::exact(1.0),
            after: Reading::exact(1.0),
            judged: true,
            estimate: estimate(&[0.1, -0.1, 0.05, -0.05, 0.02, -0.02, 0.0, 0.01], 0.05),
            change,
            disagrees: false,
            detectable: None,
            halved: false,
            directions: Directions::default(),
        }
    }

    /// Eight pairs of a variant against itself.
    fn null(metrics: Vec<Compared>) -> Comparison {
        let pair = |number| Pair {
            number,
            first: Side::A,
            seed: number as u64,
            dropped: None,
            disturbed: None,
            times: Times::Measured,
        };
        let same = || "fixed".to_owned();
        Comparison {
            before: same(),
            after: same(),
            pairs: (1..=8).map(pair).collect(),
            metrics,
            endings: Default::default(),
            lost: [0.0, 0.0],
            invalid: None,
            warnings: Vec::new(),
        }
    }

    fn noise(comparison: &Comparison) -> Noise {
        let others = vec!["make".to_owned(), "rustc".to_owned()];
        Noise::new(Some(comparison), std::iter::empty(), others)
    }

    #[test]
    fn where_nothing_is_called_a_change_the_noise_tells_what_is_seen() {
        let noise = noise(&null(vec![
            compared("p", true, Change::Equivalent),
            compared("q", false, Change::Inconclusive),
        ]));
        assert_eq!((noise.judgement, noise.reasons.len(), noise.kept), (Judgement::Quiet, 0, 8));
        let sd = noise.metrics[0].floor.unwrap();
        assert!((sd - 0.062).abs() < 0.002, "{sd}");
        assert_eq!(noise.detectable.iter().map(|change| change.pairs).collect::<Vec<_>>(), PAIRS);
        assert_eq!(noise.metrics[0].detectable_with_8, Some(noise.detectable[1].change));
        assert!(
            noise.detectable.windows(2).all(|two| two[0].change > two[1].change),
            "try more --pairs"
        );
        assert!(noise.load_generator.is_none(), "there was none");
    }

    #[test]
    fn a_change_where_there_is_none_is_a_false_alarm_unless_nobody_judged_it() {
        let mut comparison = null(vec![
            compared("p", true, Change::Equivalent),
            compared("q", false, Change::Improved),
        ]);
        let alarm = noise(&comparison);
        assert_eq!(
            (alarm.judgement, alarm.reasons),
            (Judgement::FalseAlarm, vec!["q counts as improved".to_owned()])
        );
        comparison.metrics[1].judged = false;
        assert_eq!(noise(&comparison).judgement, Judgement::Quiet);
        comparison.lost = [0.0, 2.0];
        assert_eq!(noise(&comparison).reasons, ["one side lost 0 requests and the other 2"]);
    }

    #[test]
    fn a_busy_machine_says_who_keeps_it_busy() {
        let mut comparison = null(vec![compared("p", true, Change::Regressed)]);
        comparison.pairs[2].dropped = Some("others used 40 % of a core".into());
        comparison.invalid = Some("3 of 8 pairs were dropped".into());
        let busy = noise(&comparison);
        assert_eq!(busy.judgement, Judgement::TooBusy, "no verdict counts");
        assert_eq!(
            busy.reasons,
            ["3 of 8 pairs were dropped", "most CPU time was used by make, rustc"]
        );
        assert_eq!((busy.dropped[0].pair, busy.kept), (3, 7));
    }

    #[test]
    fn bounds_have_no_floor_and_what_has_no_estimate_is_not_measured() {
        let mut comparison = null(vec![compared("p", true, Change::Inconclusive)]);
        comparison.metrics[0].estimate.as_mut().unwrap().t = (0.0, f64::INFINITY);
        let bound = noise(&comparison);
        assert!(bound.metrics[0].floor.is_none() && bound.detectable.is_empty(), "{bound:?}");
        assert!(bound.metrics[0].reason.as_ref().unwrap().starts_with("only a bound"));
        comparison.metrics[0].estimate = Err("5 pairs cannot reach a confidence of 95 %".into());
        assert_eq!(noise(&comparison).judgement, Judgement::NotMeasured);
        comparison.metrics.clear();
        assert_eq!(noise(&comparison).reasons, ["the primary metric was not measured"]);
        assert_eq!(
            Noise::new(None, std::iter::empty(), Vec::new()).judgement,
            Judgement::NotMeasured
        );
    }
}
