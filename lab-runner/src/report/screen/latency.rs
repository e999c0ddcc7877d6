//! Latency in three lines: the percentiles, what the signs before them mean, and what a closed-loop
//! benchmark would say.

use crate::report::screen::{Line, View};
use crate::report::table::DIM;
use crate::report::units::{bounded, grouped, time};
use crate::report::{Style, chart};
use lab_analysis::requests::{Analysis, Part, QUANTILES, Reading};
use std::collections::BTreeSet;

/// The percentile by which both are held to each other.
const TAIL: usize = 2;

/// The percentiles that the first screen shows.
const SHOWN: [usize; 4] = [0, 1, TAIL, 4];

/// The response of a run in at most three lines; nothing where no request was sent.
pub(crate) fn lines(run: &Analysis, style: Style) -> Vec<Line> {
    if run.responses.is_none() {
        return Vec::new();
    }
    let part = Part::Response;
    let one = |number: usize| {
        let (quantile, suffix) = QUANTILES[number];
        match run.metrics.get(&part.metric(suffix)) {
            Some(reading) => format!("{suffix} {}", bounded(reading, style)),
            None => format!("{suffix} {}", needs(quantile)),
        }
    };
    let shown: Vec<String> = SHOWN.into_iter().map(one).collect();
    let readings =
        SHOWN.iter().filter_map(|number| run.metrics.get(&part.metric(QUANTILES[*number].1)));
    let mut lines = vec![Line::labelled("response", &shown.join("   "))];
    let marks = marks(readings);
    if !marks.is_empty() {
        lines.push(Line::labelled("", &format!("{DIM}{}{DIM:#}", marks.join("; "))));
    }
    lines.extend(naive(run, style).map(|text| Line::labelled("", &text)));
    lines
}

/// Why some of these are only bounds, each reason once.
pub(crate) fn marks<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> Vec<String> {
    let reasons: BTreeSet<&str> =
        readings.into_iter().filter_map(|reading| reading.because).collect();
    let meaning = |reason: &str| match reason {
        "at floor" => "≤ as low as can be measured".to_owned(),
        "host-limited" => "≤ a pause of the host may be part of it".to_owned(),
        "generator-limited" => "≤ the load generator was late by over a fifth of it".to_owned(),
        "between beats" => "≤ shorter than the heartbeat can measure".to_owned(),
        "never stopped" => "≥ until the process was gone".to_owned(),
        "cut off unanswered" => "≥ unanswered requests count with their age".to_owned(),
        other => format!("? {other}"),
    };
    reasons.into_iter().map(meaning).collect()
}

/// How many requests a percentile needs: ten of them must lie beyond it.
pub(crate) fn needs(quantile: f64) -> String {
    format!("needs {} requests", grouped((10.0 / (1.0 - quantile)).round() as i64))
}

/// What a client would say that waits for each answer before it sends the next request.
pub(crate) fn naive(run: &Analysis, style: Style) -> Option<String> {
    run.responses.as_ref()?;
    let Some(naive) = &run.naive else {
        return Some("A benchmark that waits for each answer would get no result.".to_owned());
    };
    let (_, suffix) = QUANTILES[TAIL];
    let tail = naive.us[TAIL].map(|us| format!("{suffix} = {}", time(us, style)));
    let longest = || naive.us[QUANTILES.len() - 1].map(|us| format!("max = {}", time(us, style)));
    Some(format!("A benchmark that waits for each answer would say: {}.", tail.or_else(longest)?))
}

/// The percentile table with the three parts of a response, and the histogram.
pub(crate) fn table(view: &View<'_>, run: &Analysis) -> Vec<Line> {
    let Some(responses) = &run.responses else { return Vec::new() };
    let heads = QUANTILES.map(|(_, name)| format!("{:>11}", name.replace("p999", "p99.9")));
    let mut lines =
        vec![Line::blank(), Line::plain(format!("{DIM}{:<21}{}{DIM:#}", "", heads.concat()))];
    lines.extend(Part::ALL.into_iter().map(|part| row(run, part, view.style)));
    if QUANTILES.iter().any(|(_, suffix)| !run.metrics.contains_key(&Part::Response.metric(suffix)))
    {
        lines.push(Line::labelled("", &format!("{DIM}p99.9 {}{DIM:#}", needs(0.999))));
    }
    if view.style.naive {
        lines.extend(naive_row(run, view.style));
    }
    lines.push(Line::blank());
    lines.extend(
        chart::lines(responses, view.style)
            .into_iter()
            .map(|line| Line::plain(format!("  {line}"))),
    );
    lines
}

/// What a part of a response is called.
fn called(part: Part) -> &'static str {
    match part {
        Part::Response => "response",
        Part::Lag => "load generator late",
        Part::Wait => "waited for a worker",
        Part::Service => "ran",
    }
}

fn row(run: &Analysis, part: Part, style: Style) -> Line {
    let one = |(_, suffix): &(f64, &str)| match run.metrics.get(&part.metric(suffix)) {
        Some(reading) => format!("{:>11}", bounded(reading, style)),
        None => format!("{:>11}", "-"),
    };
    let cells: String = QUANTILES.iter().map(one).collect();
    Line::plain(format!("{:<21}{cells}", called(part)))
}

fn naive_row(run: &Analysis, style: Style) -> Option<Line> {
    let naive = run.naive.as_ref()?;
    let one =
        |us: Option<f64>| format!("{:>11}", us.map_or_else(|| "-".into(), |us| time(us, style)));
    let cells: String = naive.us.into_iter().map(one).collect();
    Some(Line::plain(format!("{:<21}{cells}", "closed-loop benchmark")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_says_how_many_requests_it_needs() {
        assert_eq!(
            [0.5, 0.9, 0.99].map(needs),
            ["needs 20 requests", "needs 100 requests", "needs 1 000 requests"]
        );
        assert_eq!(needs(0.999), "needs 10 000 requests");
    }
}
