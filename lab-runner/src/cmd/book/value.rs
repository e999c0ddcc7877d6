//! One number of a recording, as a marker in a document asks for it:
//!
//! ```text
//! RECORDING VARIANT METRIC                   a reading: 1.30 s
//! RECORDING VARIANT METRIC at 10             at ten times the size
//! RECORDING VARIANT METRIC over V2 [M2]      divided by another reading of the recording: 95
//! RECORDING VARIANT claim SENTENCE           the value of a claim: a share in percent, else a number
//! RECORDING VARIANT exponent METRIC          of a sweep: 1.99
//! RECORDING VARIANT share VIEW / FUNCTION    of a profile: how much lies below a function, in percent
//! RECORDING json /POINTER                    a number of the JSON document
//! RECORDING load KEY                         a part of the load
//! ```

use super::recordings::Recordings;
use crate::report::units::{self, grouped};
use crate::report::{Style, document};
use anyhow::{Context, bail};
use lab_analysis::requests::{Analysis, Reading};
use lab_analysis::results::Results;
use lab_analysis::stacks::{Plumbing, has_frame};
use lab_kit::Measure;
use serde_json::Value as Json;

/// A document is no terminal.
const STYLE: Style = Style::new(false);

/// What kind of number it is, which decides how far another measurement may be from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A time, a count, a ratio.
    Amount,
    /// An exponent of growth.
    Exponent,
    /// A share of a whole.
    Share,
    /// What was set and not measured, and what is only a bound.
    Given,
}

/// A number, and what a document shows of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub number: f64,
    pub text: String,
    pub kind: Kind,
}

/// The number that a marker asks for.
///
/// # Errors
/// If the recording has no such number.
pub(super) fn of(asked: &str, recordings: &mut Recordings<'_>) -> anyhow::Result<Value> {
    let (recording, rest) = asked.split_once(' ').context("expected RECORDING and a number")?;
    let results = recordings.get(recording)?;
    match rest.split_once(' ').context("expected a variant and a metric")? {
        ("json", pointer) => of_json(results, pointer),
        ("load", key) => {
            let value = of_json(results, &format!("/load/{key}"))?;
            Ok(Value { kind: Kind::Given, ..value })
        }
        (variant, what) => of_variant(results, variant, what),
    }
}

fn of_variant(results: &Results, variant: &str, what: &str) -> anyhow::Result<Value> {
    let (first, rest) = what.split_once(' ').unwrap_or((what, ""));
    match first {
        "claim" => of_claim(results, variant, rest),
        "exponent" => of_exponent(results, variant, rest),
        "share" => of_share(results, variant, rest),
        metric => of_metric(results, variant, metric, rest),
    }
}

fn of_metric(results: &Results, variant: &str, metric: &str, rest: &str) -> anyhow::Result<Value> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let plain = || reading(results, variant, metric, 1);
    match words[..] {
        [] => Ok(amount(metric, plain()?)),
        ["at", factor] => {
            let factor = factor.parse().context("expected a factor of the size")?;
            Ok(amount(metric, reading(results, variant, metric, factor)?))
        }
        ["over", other] => Ok(ratio(plain()?, reading(results, other, metric, 1)?)),
        ["over", other, theirs] => Ok(ratio(plain()?, reading(results, other, theirs, 1)?)),
        _ => bail!("expected at N, or over VARIANT [METRIC], not '{rest}'"),
    }
}

/// A reading of a variant's first run at a multiple of the size.
fn reading<'a>(
    results: &'a Results,
    variant: &str,
    metric: &str,
    factor: usize,
) -> anyhow::Result<&'a Reading> {
    let run = run(results, variant, factor)?;
    run.metrics.get(metric).with_context(|| format!("{variant} has no {metric}"))
}

fn run<'a>(results: &'a Results, variant: &str, factor: usize) -> anyhow::Result<&'a Analysis> {
    let is_wanted = |run: &&Analysis| {
        run.recording.spec.variant == variant && run.recording.spec.purpose.ratio() == factor
    };
    let found = results.runs.iter().map(|(run, _)| run).find(is_wanted);
    found.with_context(|| format!("there is no run of {variant} at {factor} times the size"))
}

fn amount(metric: &str, reading: &Reading) -> Value {
    let is_exact = reading.low == reading.value && reading.high == reading.value;
    let kind = if is_exact { Kind::Amount } else { Kind::Given };
    Value { number: reading.value, text: units::reading(metric, reading, STYLE), kind }
}

fn ratio(of: &Reading, to: &Reading) -> Value {
    let number = of.value / to.value;
    Value { number, text: about(number), kind: Kind::Amount }
}

/// Two digits: a ratio of two single runs has no more that another run would give again. `5 200`,
/// `95`, `1.5`, `0.021`.
fn about(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let places = 1 - number.abs().log10().floor() as i32;
    if places > 0 {
        return format!("{number:.*}", places as usize);
    }
    let unit = 10_f64.powi(-places);
    grouped(((number / unit).round() * unit) as i64)
}

fn percent(share: f64) -> Value {
    Value { number: share, text: units::percent(share), kind: Kind::Share }
}

fn of_claim(results: &Results, variant: &str, sentence: &str) -> anyhow::Result<Value> {
    let of_runs = results.runs.iter().map(|(run, judged)| (&run.recording.spec.variant, judged));
    let of_sweep = results.swept_claims.iter().map(|(variant, judged)| (variant, judged));
    let all = of_runs.chain(of_sweep).filter(|(name, _)| *name == variant);
    let mut judged = all.flat_map(|(_, judged)| judged);
    let found = judged.find(|judged| judged.claim.says == sentence && judged.value.is_some());
    let found = found.with_context(|| format!("{variant} has no measured claim '{sentence}'"))?;
    let value = found.value.unwrap_or_default();
    let is_share = matches!(found.claim.measure, Measure::Stacks { .. })
        || (matches!(found.claim.measure, Measure::Share { .. }) && value <= 1.0);
    if is_share {
        return Ok(percent(value));
    }
    Ok(Value { number: value, text: about(value), kind: Kind::Amount })
}

fn of_exponent(results: &Results, variant: &str, metric: &str) -> anyhow::Result<Value> {
    let sweep = results.sweep.as_ref().context("this is no sweep")?;
    let swept = sweep.variants.iter().find(|swept| swept.variant == variant);
    let swept = swept.with_context(|| format!("{variant} was not swept"))?;
    let growth = sweep.growth(swept, metric).map_err(anyhow::Error::msg)?;
    let number = growth.exponent;
    Ok(Value { number, text: format!("{number:.2}"), kind: Kind::Exponent })
}

fn of_share(results: &Results, variant: &str, what: &str) -> anyhow::Result<Value> {
    let (view, function) = what.split_once(" / ").context("expected share VIEW / FUNCTION")?;
    let evidence = results.evidence(Plumbing::Shown);
    let of_view = evidence.iter().find(|evidence| evidence.name == view);
    let of_view = of_view.with_context(|| format!("there is no view '{view}'"))?;
    let seen = of_view.seen.iter().find(|seen| seen.label == variant);
    let seen = seen.with_context(|| format!("{view} has no run of {variant}"))?;
    let share = seen.folded.share(|frames| has_frame(frames, function));
    // Of no stack at all the sum is -0.
    Ok(percent(share.context("the view has no samples")? + 0.0))
}

fn of_json(results: &Results, pointer: &str) -> anyhow::Result<Value> {
    let document = serde_json::to_value(document(results))?;
    let found = document.pointer(pointer).with_context(|| format!("there is no {pointer}"))?;
    let key = pointer.rsplit('/').next().unwrap_or_default();
    match found {
        Json::String(text) => Ok(Value { number: f64::NAN, text: text.clone(), kind: Kind::Given }),
        found => {
            let number = found.as_f64().with_context(|| format!("{pointer} is no number"))?;
            // The unit stands at the end of a name, or of what the number is a part of:
            // `/probe/yield_us/max`, `/comparison/0/medians/1`.
            let has_unit = |name: &&str| {
                ["us", "ms", "share"].iter().any(|unit| name.ends_with(&format!("_{unit}")))
            };
            let named = pointer.rsplit('/').find(has_unit).unwrap_or(key);
            if named.ends_with("share") {
                return Ok(percent(number));
            }
            let exact = Reading { value: number, low: number, high: number, because: None };
            Ok(amount(named, &exact))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_has_two_digits() {
        let texts = [5_186.4, 94.5, 1.049, 0.0213, 217.0, 9.97].map(about);
        assert_eq!(texts, ["5 200", "95", "1.0", "0.021", "220", "10.0"]);
    }
}
