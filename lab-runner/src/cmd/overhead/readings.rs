//! From what children answered to numbers with intervals.

use crate::cmd::overhead::{Group, Row, pacer, page, recording};
use crate::engine::environment;
use lab_analysis::stats::estimate::{Shift, shift};
use lab_analysis::stats::median;
use lab_kit::overhead::{ADDED_NS, NS, PLAIN_NS, WITH_NS};
use lab_recording::spec::Environment;
use serde::{Deserialize, Serialize};

/// How often an interval may miss the truth.
const ALPHA: f64 = 0.05;

/// The readings of all instruments, with the host they were measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The format: `lab.overhead.v1`.
    pub schema: String,
    /// Cores, processor and versions, in one line.
    pub host: String,
    /// How often each instrument was measured.
    pub rounds: usize,
    /// The machine and the build.
    pub environment: Environment,
    /// The readings.
    pub readings: Vec<Reading>,
}

impl Table {
    /// The table of these measured rows.
    pub fn new(rows: &[Row], rounds: usize) -> Table {
        let environment = environment::here();
        Table {
            schema: "lab.overhead.v1".into(),
            host: host(&environment),
            rounds,
            environment,
            readings: readings(rows),
        }
    }
}

fn host(environment: &Environment) -> String {
    let or_unknown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".into());
    let cores = environment.cores.map_or_else(|| "unknown".into(), |cores| cores.to_string());
    let (cpu, tokio, rustc) = (
        or_unknown(&environment.cpu),
        or_unknown(&environment.tokio),
        or_unknown(&environment.rustc),
    );
    format!(
        "{cores} cores, {cpu}, tokio {tokio}, {rustc}{}",
        if environment.optimised { "" } else { ", not optimised" }
    )
}

/// One number of an instrument, over all rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The group of instruments.
    pub group: Group,
    /// The instrument.
    pub instrument: String,
    /// The measure, which ends in its unit: `added_ns`, `lag_p99_us`.
    pub measure: String,
    /// Rounds in which it was measured.
    pub rounds: usize,
    /// Rounds in which it could not be measured.
    pub failed: usize,
    /// The reason of the first failed round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The value; none if it was never measured.
    #[serde(flatten)]
    pub estimate: Option<Estimate>,
}

/// A value with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The lower end of the interval; none if there are too few rounds for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The confidence level of the interval, in 0..=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
}

/// What each kind of instrument answers, in the order of the table's columns.
fn measures(group: Group) -> &'static [&'static str] {
    match group {
        Group::Polls => &[PLAIN_NS, WITH_NS, ADDED_NS],
        Group::Calls => &[NS, PLAIN_NS, WITH_NS, ADDED_NS],
        Group::Pacer => &[
            pacer::name::LAG_P50_US,
            pacer::name::LAG_P99_US,
            pacer::name::INJECT_NS,
            pacer::name::WAKE_NS,
            pacer::name::VALID,
            pacer::name::HIGHEST,
        ],
        Group::Reading => &[
            recording::name::POLLS,
            recording::name::BYTES,
            recording::name::DROPPED,
            recording::name::READ,
            recording::name::ADDED_UP,
            page::name::EVENTS,
            page::name::PAGE_S,
            page::name::PAGE_MB,
            recording::name::MEMORY,
        ],
    }
}

/// All numbers of these rows. An instrument that never answered has one without a value, which says
/// why.
fn readings(rows: &[Row]) -> Vec<Reading> {
    rows.iter().flat_map(of_row).collect()
}

fn of_row(row: &Row) -> Vec<Reading> {
    let failed = row.rounds.iter().filter(|round| round.is_err()).count();
    let because = row.rounds.iter().find_map(|round| round.as_ref().err()).cloned();
    let answered = measures(row.group).iter().filter_map(|measure| {
        let values: Vec<f64> = row
            .rounds
            .iter()
            .flatten()
            .filter_map(|answer| answer.get(*measure))
            .copied()
            .collect();
        (!values.is_empty()).then_some((*measure, values))
    });
    let reading = |measure: &str, values: &[f64]| Reading {
        group: row.group,
        instrument: row.name.clone(),
        measure: measure.to_owned(),
        rounds: values.len(),
        failed,
        reason: because.clone(),
        estimate: estimate(measure, values),
    };
    let readings: Vec<Reading> =
        answered.map(|(measure, values)| reading(measure, &values)).collect();
    if readings.is_empty() { vec![reading(measures(row.group)[0], &[])] } else { readings }
}

/// A difference is estimated by Hodges and Lehmann with the exact signed-rank interval, for it
/// scatters evenly about the truth; of anything else, which may have one long tail, the median with
/// the interval of the sign test.
fn estimate(measure: &str, values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    if measure == ADDED_NS {
        let shift = shift(values, ALPHA).ok();
        let by = shift.map_or_else(|| median(values.to_vec()), |shift| shift.by);
        let of = |end: fn(Shift) -> f64| shift.map(end);
        return Some(Estimate {
            value: by,
            low: of(|s| s.low),
            high: of(|s| s.high),
            level: of(|s| s.level),
        });
    }
    let interval = sign_interval(values);
    let of = |end: fn((f64, f64, f64)) -> f64| interval.map(end);
    Some(Estimate {
        value: median(values.to_vec()),
        low: of(|(low, _, _)| low),
        high: of(|(_, high, _)| high),
        level: of(|(_, _, level)| level),
    })
}

/// Between which of the values the median of what they are drawn from lies, and how surely: the
/// narrowest pair of ranks that reaches the level, by the binomial distribution. None where even
/// the outermost do not.
fn sign_interval(values: &[f64]) -> Option<(f64, f64, f64)> {
    let n = values.len();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (mut miss, mut term, mut found) = (0.0, 0.5_f64.powi(n as i32), None);
    for rank in 0..n / 2 {
        miss += 2.0 * term;
        if miss > ALPHA {
            break;
        }
        found = Some((sorted[rank], sorted[n - 1 - rank], 1.0 - miss));
        term *= (n - rank) as f64 / (rank + 1) as f64;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_kit::overhead::Answer;

    fn row(rounds: &[Result<(&str, f64), &str>]) -> Row {
        let answer = |round: &Result<(&str, f64), &str>| match round {
            Ok((name, number)) => Ok(Answer::from([((*name).to_owned(), *number)])),
            Err(why) => Err((*why).to_owned()),
        };
        Row { name: "it".into(), group: Group::Calls, rounds: rounds.iter().map(answer).collect() }
    }

    #[test]
    fn six_rounds_reach_95_percent_from_end_to_end_and_nine_leave_one_out() {
        let (low, high, level) = sign_interval(&[3.0, 1.0, 2.0, 6.0, 5.0, 4.0]).unwrap();
        assert_eq!((low, high), (1.0, 6.0));
        assert!((level - (1.0 - 2.0 / 64.0)).abs() < 1e-12);
        let (low, high, level) =
            sign_interval(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]).unwrap();
        assert_eq!((low, high), (2.0, 8.0));
        assert!((level - (1.0 - 2.0 * 10.0 / 512.0)).abs() < 1e-12);
        assert_eq!(sign_interval(&[1.0; 5]), None);
    }

    #[test]
    fn rounds_that_failed_are_counted_and_give_no_zero() {
        let some = readings(&[row(&[Ok((NS, 2.0)), Err("no room"), Ok((NS, 4.0))])]);
        let [reading] = &some[..] else { panic!("{some:?}") };
        assert_eq!(
            (reading.rounds, reading.failed, reading.reason.as_deref()),
            (2, 1, Some("no room"))
        );
        assert_eq!(
            reading.estimate,
            Some(Estimate { value: 3.0, low: None, high: None, level: None })
        );
        let none = readings(&[row(&[Err("no room")])]);
        assert_eq!((none.len(), none[0].estimate, none[0].failed), (1, None, 1));
    }

    #[test]
    fn a_difference_may_be_negative_and_has_its_own_interval() {
        let rounds: Vec<_> = (0..8).map(|round| Ok((ADDED_NS, f64::from(round) - 3.0))).collect();
        let all = readings(&[row(&rounds)]);
        let estimate = all[0].estimate.unwrap();
        assert!(
            estimate.low.unwrap() < 0.0
                && estimate.high.unwrap() > 0.0
                && estimate.level.unwrap() >= 0.95
        );
    }
}
