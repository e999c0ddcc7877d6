//! Numbers for people: three digits and a unit.

use super::Style;
use crate::analysis::Reading;

/// A time given in microseconds.
pub(super) fn time(us: f64, style: Style) -> String {
    let (value, unit) = match us {
        us if us >= 999_500.0 => (us / 1e6, "s"),
        us if us >= 999.5 => (us / 1e3, "ms"),
        us if us >= 0.9995 => (us, if style.plain { "us" } else { "µs" }),
        us => (us * 1e3, "ns"),
    };
    format!("{} {unit}", three_digits(value))
}

/// A reading of a time with the sign of its bound. What is only a bound is never printed as if it were true.
pub(super) fn bounded(reading: &Reading, style: Style) -> String {
    let below = reading.low < reading.value;
    let above = reading.high > reading.value;
    let sign = match (below, above) {
        (false, false) => "",
        (false, true) => "≥ ",
        (true, false) => "≤ ",
        (true, true) => "? ",
    };
    format!("{}{}", ascii(sign, style), time(reading.value, style))
}

/// A reading in the unit that its metric's name ends with, with the sign of its bound.
pub(super) fn reading(metric: &str, reading: &Reading, style: Style) -> String {
    let us = match metric.rsplit('_').next() {
        Some("us") => 1.0,
        Some("ms") => 1e3,
        _ => return number(reading.value),
    };
    let scaled = |value: f64| value * us;
    let (value, low, high) = (scaled(reading.value), scaled(reading.low), scaled(reading.high));
    bounded(&Reading { value, low, high, because: reading.because }, style)
}

/// A text in lines of at most so many characters, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A time given in milliseconds, for whoever has no style.
pub(crate) fn time_ms(ms: f64) -> String {
    time(ms * 1e3, Style { plain: false, naive: false })
}

/// A share in per cent.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", three_digits(100.0 * share))
}

/// A count as it is, anything else to three digits.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { grouped(value as i64) } else { three_digits(value) }
}

/// A plain number to three digits, without an exponent.
pub(super) fn three_digits(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => grouped(value.round() as i64),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 || v == 0.0 => format!("{value:.2}"),
        v if v >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// A whole number in groups of three.
pub(super) fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes, as the command line takes it.
pub(crate) fn bytes(bytes: usize) -> String {
    match bytes {
        b if b >= 1_000_000 && b.is_multiple_of(1_000_000) => format!("{} MB", b / 1_000_000),
        b if b >= 1_000 && b.is_multiple_of(1_000) => format!("{} kB", b / 1_000),
        b => format!("{b} B"),
    }
}

/// A text in characters that every terminal has.
pub(super) fn ascii(text: &str, style: Style) -> String {
    if !style.plain {
        return text.to_owned();
    }
    let replaced = |c: char| match c {
        '≥' => ">=".into(),
        '≤' => "<=".into(),
        '×' => "x".into(),
        'µ' => "u".into(),
        '·' => "-".into(),
        '█' => "#".into(),
        '▏' | '│' => "|".into(),
        '…' => "...".into(),
        c if c.is_ascii() => c.to_string(),
        _ => "?".into(),
    };
    text.chars().map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_fitting_unit() {
        let style = Style { plain: false, naive: false };
        let cases = [
            (0.1, "100 ns"),
            (0.9999, "1.00 µs"),
            (12.34, "12.3 µs"),
            (999.6, "1.00 ms"),
            (18_700.0, "18.7 ms"),
            (1_302_000.0, "1.30 s"),
            (0.0, "0.00 ns"),
        ];
        for (us, text) in cases {
            assert_eq!(time(us, style), text);
        }
        assert_eq!(time(12.34, Style { plain: true, naive: false }), "12.3 us");
    }

    #[test]
    fn numbers_are_grouped_and_sizes_read_back() {
        assert_eq!((grouped(0), grouped(999), grouped(1_234_567)), ("0".into(), "999".into(), "1 234 567".into()));
        assert_eq!((bytes(16_000), bytes(1_024), bytes(2_000_000)), ("16 kB".into(), "1024 B".into(), "2 MB".into()));
        assert_eq!(three_digits(0.0234), "0.023");
    }

    #[test]
    fn a_bound_shows_its_sign() {
        let reading = |low, high| Reading { value: 120.0, low, high, because: None };
        let utf8 = Style { plain: false, naive: false };
        assert_eq!(bounded(&reading(120.0, 120.0), utf8), "120 µs");
        assert_eq!(bounded(&reading(120.0, f64::INFINITY), utf8), "≥ 120 µs");
        assert_eq!(bounded(&reading(20.0, 120.0), Style { plain: true, naive: false }), "<= 120 us");
        assert_eq!(bounded(&reading(20.0, f64::INFINITY), utf8), "? 120 µs");
    }
}
