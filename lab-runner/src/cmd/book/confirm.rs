//! `lab book confirm DIR`: whether a measurement that was made again says what the documents say. A
//! number that documents quote is one run on one day, so another run confirms its order of magnitude,
//! the direction of a ratio, the slope of a growth and the verdict of each claim, and not its
//! digits.

use super::recordings::Recordings;
use super::value::{Kind, Value};
use super::{DATA, documents, splice, value};
use crate::exit::{self, Exit, UsageError};
use crate::report::units::three_digits;
use lab_analysis::claims::Verdict;
use lab_kit::Scenario;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// An order of magnitude: half a decade to each side.
const DECADE_HALF: f64 = 3.162;
/// Exponents that differ by less are the same slope: linear and quadratic are 1 apart.
const SLOPE: f64 = 0.3;
/// Shares that differ by less say the same.
const SHARE: f64 = 0.25;

pub(super) fn run(again: &Path, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    if !again.is_dir() {
        let next = "make it with book/measure DIR";
        return Err(UsageError::error(format!("there is no folder {}: {next}", again.display())));
    }
    let mut old = Recordings::of(Path::new(DATA), scenarios);
    let mut new = Recordings::of(again, scenarios);
    let mut lines = Vec::new();
    for asked in quoted()? {
        let was = value::of(&asked, &mut old)?;
        match value::of(&asked, &mut new) {
            Ok(is) => lines.extend(differ(&asked, &was, &is)),
            Err(error) => lines.push(format!("{asked}: not measured again: {error:#}")),
        }
    }
    lines.extend(broken(again, scenarios)?);
    exit::print(|to| {
        lines.iter().try_for_each(|line| writeln!(to, "{line}"))?;
        match lines.len() {
            0 => writeln!(to, "every quoted number and every claim is confirmed"),
            count => writeln!(to, "{count} of what documents say is not confirmed"),
        }
    })?;
    Ok(if lines.is_empty() { Exit::Done } else { Exit::Broken })
}

/// What the documents quote, each once.
fn quoted() -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for document in documents()? {
        all.extend(splice::asked(&fs::read_to_string(document)?));
    }
    Ok(all)
}

/// Where a number of the new measurement says something else than the quoted one.
fn differ(asked: &str, was: &Value, is: &Value) -> Option<String> {
    let same = match was.kind {
        Kind::Given => true,
        Kind::Exponent => (was.number - is.number).abs() <= SLOPE,
        Kind::Share => (was.number - is.number).abs() <= SHARE,
        Kind::Amount => same_order(was.number, is.number),
    };
    let times = match is.number / was.number {
        factor if factor.is_finite() => format!(" ({} times)", three_digits(factor)),
        _ => String::new(), // of nothing there is no multiple
    };
    let line = || format!("{asked}: {} before, {} now{times}", was.text, is.text);
    (!same).then(line)
}

/// Whether two numbers have the same sign and the same order of magnitude. Of counts that may be
/// zero, zero and zero are the same.
fn same_order(was: f64, is: f64) -> bool {
    was == is || (is / was > 1.0 / DECADE_HALF && is / was < DECADE_HALF)
}

/// The claims that the new measurement breaks.
fn broken(again: &Path, scenarios: &[&'static Scenario]) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(DATA)? {
        let file = entry?.file_name();
        let Some(name) = file.to_str().and_then(|name| name.strip_suffix(".lab")) else { continue };
        let mut new = Recordings::of(again, scenarios);
        let Ok(results) = new.get(name) else {
            lines.push(format!("{name}: not measured again"));
            continue;
        };
        let of_runs =
            results.runs.iter().map(|(run, judged)| (&run.recording.spec.variant, judged));
        let all = of_runs.chain(results.swept_claims.iter().map(|(name, judged)| (name, judged)));
        for (variant, judged) in all {
            let is_broken = |judged: &&lab_analysis::claims::Judged| {
                judged.applicable && judged.verdict == Verdict::Broken
            };
            lines.extend(
                judged
                    .iter()
                    .filter(is_broken)
                    .map(|judged| format!("{name} {variant}: broken: {}", judged.claim.says)),
            );
        }
    }
    lines.sort();
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(number: f64, kind: Kind) -> Value {
        Value { number, text: number.to_string(), kind }
    }

    #[test]
    fn digits_may_differ_and_orders_of_magnitude_may_not() {
        let differs = |was, is, kind| differ("x", &value(was, kind), &value(is, kind)).is_some();
        assert!(!differs(1_300.0, 900.0, Kind::Amount) && !differs(0.0, 0.0, Kind::Amount));
        assert!(differs(1_300.0, 130.0, Kind::Amount) && differs(0.0, 5.0, Kind::Amount));
        assert!(!differs(1.99, 1.75, Kind::Exponent) && differs(1.99, 1.1, Kind::Exponent));
        assert!(!differs(0.98, 0.80, Kind::Share) && differs(0.98, 0.10, Kind::Share));
        assert!(!differs(1.0, 9.0, Kind::Given), "a load is no measurement");
        let line = differ("x", &value(0.0, Kind::Amount), &value(2.0, Kind::Amount));
        assert_eq!(line.as_deref(), Some("x: 0 before, 2 now"), "no multiple of nothing");
    }
}
