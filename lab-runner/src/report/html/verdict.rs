//! What the recordings say, in one plain sentence.

use crate::report::detail::words;
use crate::report::html::WORDS;
use crate::report::trials;
use crate::report::units::{grouped, reading, three_digits};
use lab_analysis::comparison::paired::{Compared, Comparison};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::requests::{Analysis, Part, QUANTILES, ValidityVerdict};
use lab_analysis::results::Results;
use lab_analysis::stats::estimate::Estimate;
use lab_recording::Ending;

/// What was done.
pub(crate) fn head(report: &Results) -> String {
    let scenario = &report.spec.scenario;
    match (&report.comparison, &report.sweep, &report.runs[..]) {
        (Some(Comparison { before, after, .. }), ..) => {
            format!("{scenario}: {before} against {after}")
        }
        (None, Some(_), _) => format!("{scenario}: how its cost grows"),
        (None, None, [(run, _)]) => format!("{scenario}, variant {}", run.recording.spec.variant),
        (None, None, runs) => format!("{scenario}: {} runs", runs.len()),
    }
}

/// The endings of the runs, where there is nothing else to report.
pub(crate) fn summary(report: &Results) -> String {
    match &report.runs[..] {
        [(run, _)] => of_run(report, run),
        runs => of_runs(report, runs.len()),
    }
}

pub(crate) fn of_comparison(comparison: &Comparison) -> String {
    let Comparison { before, after, pairs, .. } = comparison;
    let primary = comparison.metrics.iter().find(|metric| metric.primary);
    let estimate = primary.and_then(|metric| Some((metric, metric.estimate.as_ref().ok()?)));
    let from = format!("from {} of {} pairs.", comparison.kept(), pairs.len());
    match (&comparison.invalid, estimate) {
        (Some(why), _) => format!("No conclusion: {why}."),
        (None, _) if comparison.loses_more() => {
            format!("{after} loses requests that {before} answers, whatever else it gains.")
        }
        (None, None) => format!("No conclusion: {}.", why_not(primary)),
        (None, Some((metric, estimate))) => match metric.change {
            Change::Improved | Change::Regressed => {
                changed([before, after], metric, estimate) + ", " + &from
            }
            Change::Equivalent => {
                let (what, interval) =
                    (metric_in_words(&metric.metric), ratio_with_interval(estimate));
                format!(
                    "{after} and {before} are as good as each other by {what}: {interval}, {from}"
                )
            }
            Change::Inconclusive => {
                let (what, interval) =
                    (metric_in_words(&metric.metric), ratio_with_interval(estimate));
                format!(
                    "Whether {after} is better than {before} by {what} is undecided: {interval}, \
                     {from}"
                )
            }
        },
    }
}

/// Why the deciding metric gives no verdict.
fn why_not(primary: Option<&Compared>) -> String {
    match primary.map(|metric| (&metric.metric, &metric.estimate)) {
        Some((metric, Err(why))) => format!("{}: {why}", metric_in_words(metric)),
        Some((metric, Ok(_))) => format!("{} needs more pairs", metric_in_words(metric)),
        None => "no run has the metric that decides".into(),
    }
}

/// `fixed answers 88 times sooner at p99 than buggy (80 to 96 times, 95.3 % confidence)`
fn changed([before, after]: [&str; 2], metric: &Compared, estimate: &Estimate) -> String {
    let less = estimate.ratio < 1.0;
    let (by, between) = (times(estimate.ratio), times_between(estimate));
    let sure = format!("({between}, {:.1} % confidence)", estimate.level * 100.0);
    match metric.metric.strip_prefix("response_").and_then(|name| name.strip_suffix("_us")) {
        Some(at) => {
            let (how, at) = (if less { "sooner" } else { "later" }, at.replace("p999", "p99.9"));
            format!("{after} answers {by} {how} at {at} than {before} {sure}")
        }
        None => {
            let (how, what) = (if less { "less" } else { "more" }, metric_in_words(&metric.metric));
            format!("{after} has {by} {how} {what} than {before} {sure}")
        }
    }
}

/// A factor either way: `88 times`, or in percent where it is small.
fn times(ratio: f64) -> String {
    let factor = if ratio < 1.0 { 1.0 / ratio } else { ratio };
    match factor {
        factor if factor >= 1.995 => format!("{} times", three_digits(factor)),
        _ => format!("{} %", three_digits(100.0 * (ratio - 1.0).abs())),
    }
}

fn times_between(estimate: &Estimate) -> String {
    let Estimate { ratio, low, high, .. } = *estimate;
    let ends = if ratio < 1.0 { [1.0 / high, 1.0 / low] } else { [low, high] };
    let end = |end: f64| if end.is_finite() { three_digits(end) } else { "?".into() };
    if times(ratio).ends_with("times") {
        return format!("{} to {} times", end(ends[0]), end(ends[1]));
    }
    format!("ratio {} to {}", end(low), end(high))
}

fn ratio_with_interval(estimate: &Estimate) -> String {
    let end = |end: f64| if end.is_finite() { three_digits(end) } else { "?".into() };
    format!(
        "ratio {} ({} to {})",
        three_digits(estimate.ratio),
        end(estimate.low),
        end(estimate.high)
    )
}

/// A metric in words.
fn metric_in_words(metric: &str) -> String {
    match metric {
        "cpu_us_per_op" => "CPU time per operation".into(),
        "runtime_freeze_us" => "freeze of the runtime".into(),
        "wall_ms" => "total time".into(),
        _ => words(metric.trim_end_matches("_us").trim_end_matches("_kb").trim_end_matches("_ms")),
    }
}

fn of_run(report: &Results, run: &Analysis) -> String {
    let variant = &run.recording.spec.variant;
    let valid = match run.validity.verdict {
        ValidityVerdict::Valid => "",
        ValidityVerdict::Overload => " under more load than it could take",
        ValidityVerdict::Invalid => ", but the run is invalid",
    };
    let ended = ended(run.recording.outcome.ending);
    let detail = slowest(run).or_else(|| {
        let metric = report.scenario.map(|scenario| scenario.primary)?;
        let value = run.metrics.get(metric)?;
        Some(format!("{} {}", metric_in_words(metric), reading(metric, value, WORDS)))
    });
    format!(
        "{variant} {ended}{valid}{}",
        detail.map_or_else(String::new, |detail| format!("; {detail}"))
    )
}

fn ended(ending: Ending) -> String {
    match ending {
        Ending::Finished => "finished".into(),
        Ending::Unfinished => "was interrupted".into(),
        other => other.to_string(),
    }
}

/// The highest percentile that there are requests enough for.
fn slowest(run: &Analysis) -> Option<String> {
    let percentile = |(q, suffix): &(f64, &str)| {
        let metric = Part::Response.metric(suffix);
        let time = reading(&metric, run.metrics.get(&metric)?, WORDS);
        Some(format!("{} % of the requests were answered within {time}", 100.0 * q))
    };
    QUANTILES.iter().rev().filter(|(q, _)| *q < 1.0).find_map(percentile)
}

fn of_runs(report: &Results, runs: usize) -> String {
    let scenario = &report.spec.scenario;
    let by_itself = |run: &Analysis| run.recording.outcome.ending == Ending::Finished;
    let finished = report.runs.iter().filter(|(run, _)| by_itself(run)).count();
    format!("{finished} of {runs} runs of {scenario} finished{}", between(report))
}

/// The number of trials with each ending.
pub(crate) fn of_trials(summaries: &[trials::Summary<'_>]) -> String {
    let mut texts = Vec::new();
    for summary in summaries {
        let ends: Vec<String> =
            summary.endings.iter().map(|(ending, n)| format!("{n} {ending}")).collect();
        texts.push(format!(
            "{} runs of {}: {}",
            grouped(summary.trials as i64),
            summary.variant,
            ends.join(", ")
        ));
    }
    texts.join("; ")
}

/// The best and the worst run by the deciding metric.
fn between(report: &Results) -> String {
    let Some(metric) = report.scenario.map(|scenario| scenario.primary) else {
        return String::new();
    };
    let plain = report
        .runs
        .iter()
        .map(|(run, _)| run)
        .filter(|run| run.recording.spec.purpose.ratio() == 1);
    let mut values: Vec<_> = plain
        .filter_map(|run| Some((run.metrics.get(metric)?, &run.recording.spec.variant)))
        .collect();
    values.sort_by(|a, b| a.0.value.total_cmp(&b.0.value));
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return String::new() };
    let one = |values: &(&lab_analysis::requests::Reading, &String)| {
        format!("{} ({})", reading(metric, values.0, WORDS), values.1)
    };
    format!("; {} from {} to {}", metric_in_words(metric), one(least), one(most))
}
