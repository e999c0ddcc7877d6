//! Amounts in words: three digits in a unit that fits. Plain ASCII, for they stand in lines, titles
//! and pictures alike.

/// Units that a thousand of make the next one.
const LADDERS: [&[&str]; 2] = [&["ns", "us", "ms", "s"], &["bytes", "kB", "MB", "GB"]];

/// `812 us`, given 812 000 and `ns`; units without larger or smaller ones stay as they are.
pub fn amount(value: f64, unit: &str) -> String {
    let (value, unit) = climbed(value, unit);
    format!("{} {unit}", digits(value))
}

fn climbed(value: f64, unit: &str) -> (f64, &str) {
    let size = value.abs();
    let step = if size >= 999.5 { 1 } else { -1 };
    match rung(unit, step) {
        Some(next) if size >= 999.5 => climbed(value / 1e3, next),
        Some(next) if size > 0.0 && size < 0.9995 => climbed(value * 1e3, next),
        _ => (value, unit),
    }
}

/// The unit so many steps up from this one.
fn rung(unit: &str, step: isize) -> Option<&'static str> {
    LADDERS.iter().find_map(|ladder| {
        let at = ladder.iter().position(|rung| *rung == unit)?;
        ladder.get(at.checked_add_signed(step)?).copied()
    })
}

/// Three digits that count, or the whole number if it has more.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 => format!("{value:.2}"),
        v if v >= 0.09995 => format!("{value:.3}"),
        v if v >= 0.009995 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_fitting_unit() {
        let cases = [
            (812_000.0, "ns", "812 us"),
            (999.6, "us", "1.00 ms"),
            (0.004_06, "ms", "4.06 us"),
            (0.0, "ms", "0 ms"),
            (0.05, "bytes", "0.0500 bytes"),
            (3.2e12, "us", "3200000 s"),
            (12.34, "samples", "12.3 samples"),
            (123_456.0, "samples", "123456 samples"),
            (4_194_304.0, "bytes", "4.19 MB"),
            (0.0123, "samples", "0.0123 samples"),
            (0.000_012_3, "samples", "1.23e-5 samples"),
            (0.0, "%", "0 %"),
        ];
        for (value, unit, words) in cases {
            assert_eq!(amount(value, unit), words);
        }
    }
}
