//! Numbers for people, in the characters that the terminal has.

pub use lab_analysis::units::*;

use crate::report::Style;
use lab_analysis::requests::Reading;

/// A time given in microseconds.
pub fn time(us: f64, style: Style) -> String {
    ascii(&time_us(us), style)
}

/// A reading of a time with the sign of its bound. What is only a bound is never printed as if it
/// were true.
pub fn bounded(reading: &Reading, style: Style) -> String {
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
pub fn reading(metric: &str, reading: &Reading, style: Style) -> String {
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
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                *line += &format!(" {word}")
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A text in characters that every terminal has.
pub fn ascii(text: &str, style: Style) -> String {
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
        '→' => "->".into(),
        c if c.is_ascii() => c.to_string(),
        _ => "?".into(),
    };
    text.chars().map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_shows_its_sign() {
        let reading = |low, high| Reading { value: 120.0, low, high, because: None };
        let utf8 = Style::new(false);
        assert_eq!(bounded(&reading(120.0, 120.0), utf8), "120 µs");
        assert_eq!(bounded(&reading(120.0, f64::INFINITY), utf8), "≥ 120 µs");
        assert_eq!(bounded(&reading(20.0, 120.0), Style::new(true)), "<= 120 us");
        assert_eq!(bounded(&reading(20.0, f64::INFINITY), utf8), "? 120 µs");
    }
}
