//! Values of options: numbers, rates, sizes and times with their units, and names from lists.

use crate::engine::plan::Sizes;
use lab_recording::profiler::Profiler;
use std::str::FromStr;
use std::time::Duration;

/// A unit in lower case, and how many of the basic unit it is.
type Unit = (&'static str, f64);

/// Multiples of one, of bytes and of items alike.
const SIZES: [Unit; 10] = [
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("k", 1e3),
    ("m", 1e6),
    ("g", 1e9),
    ("b", 1.0),
];
/// Multiples of one request per second.
const RATES: [Unit; 3] = [("k", 1e3), ("m", 1e6), ("/s", 1.0)];
/// The largest whole number that a float holds exactly.
const LARGEST: f64 = 9_007_199_254_740_992.0;
const LONGEST: Duration = Duration::from_secs(86_400);

/// A number and the factor of the unit behind it; 1 without a unit. Units may be written in any
/// case.
fn number_and_factor(text: &str, units: &[Unit]) -> (String, f64) {
    let text = text.trim().to_ascii_lowercase();
    for (unit, factor) in units {
        if let Some(number) = text.strip_suffix(unit) {
            return (number.trim_end().to_owned(), *factor);
        }
    }
    (text, 1.0)
}

/// A size in bytes or items: `16000`, `16kB`, `1.5 MB`, `1MiB`, `10k`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let (number, factor) = number_and_factor(text, &SIZES);
    // Whole numbers are not rounded to a float: the largest of them are refused where they are
    // used.
    let size = match number.parse::<usize>() {
        Ok(whole) => whole.checked_mul(factor as usize),
        Err(_) => fraction(&number).and_then(|fraction| whole(fraction * factor)),
    };
    let size = size.filter(|size| *size > 0);
    size.ok_or_else(|| "not a size: try --size 16kB, 1.5MB or 10000".into())
}

/// A number with digits behind its point. `inf`, `nan` and exponents are no sizes.
fn fraction(number: &str) -> Option<f64> {
    let is_decimal = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    number.parse().ok().filter(|_| is_decimal)
}

fn whole(value: f64) -> Option<usize> {
    let rounded = value.round();
    // What is left of 1.001 * 1000 is rounding; half a byte is a mistake.
    let is_whole = (value - rounded).abs() < 1e-6 * rounded.max(1.0);
    (is_whole && rounded <= LARGEST).then_some(rounded as usize)
}

/// Requests per second: `2000`, `1k`, `2.5k/s`.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let (text, per_second) = number_and_factor(text, &RATES[2..]);
    let (number, factor) = number_and_factor(&text, &RATES[..2]);
    let rate = number.parse::<f64>().map(|rate| rate * factor * per_second);
    rate.map_err(|_| "not a rate: try --rate 2000 or --rate 2k".into())
}

/// A time of at most a day: `3s`, `500ms`, `1m 30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = any_time(text).map_err(|why| format!("{why}: try 3s or 500ms"))?;
    if duration > LONGEST {
        return Err("a time can be one day at most: try 3s or 500ms".into());
    }
    Ok(duration)
}

/// An age: `7d`, `12h`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    any_time(text).map_err(|why| format!("{why}: try 7d or 12h"))
}

fn any_time(text: &str) -> Result<Duration, &'static str> {
    let text = text.trim().to_ascii_lowercase();
    if text.starts_with('-') {
        return Err("a time cannot be negative");
    }
    if text.parse::<f64>().is_ok() {
        return Err("a time needs a unit");
    }
    let duration = decimal_seconds(&text).or_else(|| humantime::parse_duration(&text).ok());
    match duration {
        None => Err("not a time"),
        Some(Duration::ZERO) => Err("a time must be above zero"),
        Some(duration) => Ok(duration),
    }
}

/// `1.5s` or `0.5ms`, which humantime does not read.
fn decimal_seconds(text: &str) -> Option<Duration> {
    let (number, seconds) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s')?, 1.0),
    };
    Duration::try_from_secs_f64(fraction(number.trim_end())? * seconds).ok()
}

pub(crate) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "not a whole number in the range of this option: try 1".into())
}

pub(crate) fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=10_000).contains(count));
    count.ok_or_else(|| "not a whole number from 1 to 10000: try 20".into())
}

pub(crate) fn pairs(text: &str) -> Result<usize, String> {
    let pairs = text.parse().ok().filter(|pairs| (6..=1_000).contains(pairs));
    pairs.ok_or_else(|| "fewer than 6 pairs cannot reach 95 %, and 1000 are enough: try 8".into())
}

pub(crate) fn sizes(text: &str) -> Result<u32, String> {
    let sizes = text.parse().ok().filter(|sizes| (Sizes::COUNT..=20).contains(sizes));
    sizes.ok_or_else(|| "an exponent needs 6 sizes at least, and 20 are enough: try 6".into())
}

pub(crate) fn repetitions(text: &str) -> Result<usize, String> {
    let repetitions = text.parse().ok().filter(|repetitions| (3..=100).contains(repetitions));
    let few = "an interval needs 3 repetitions at least, and 100 are enough: try 5";
    repetitions.ok_or_else(|| few.into())
}

/// Profilers by name, in the order in which they are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profilers(pub Vec<Profiler>);

pub(crate) fn profilers(text: &str) -> Result<Profilers, String> {
    match text {
        "all" => Ok(Profilers(Profiler::ALL.into())),
        "none" => Ok(Profilers(Vec::new())),
        named => {
            let mut profilers =
                named.split(',').map(Profiler::from_str).collect::<Result<Vec<_>, _>>()?;
            profilers.sort();
            profilers.dedup();
            Ok(Profilers(profilers))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_units_of_any_case_and_fractions() {
        let cases = [
            ("16kB", 16_000),
            ("16kb", 16_000),
            ("16KB", 16_000),
            ("16k", 16_000),
            ("1 MiB", 1 << 20),
            ("1mib", 1 << 20),
            ("1.5MB", 1_500_000),
            ("1.5kB", 1_500),
            ("1.001kB", 1_001),
            ("0.5KiB", 512),
            ("512", 512),
            ("512B", 512),
            ("10k", 10_000),
            ("2g", 2_000_000_000),
            ("18446744073709551615", usize::MAX),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        let bad =
            ["0", "-1", "1.5B", "0.0001kB", "kB", "1.5.5kB", "1e3", "inf", "nan", "1 2", "1xB"];
        let too_large = ["99999999999999999999", "9999999999999999MiB", "99999999999999.5MB"];
        for text in bad.into_iter().chain(too_large) {
            assert!(size(text).unwrap_err().contains("try --size 16kB"), "{text}");
        }
    }

    #[test]
    fn rates_take_units_of_any_case() {
        for (text, wanted) in
            [("2000", 2e3), ("1k", 1e3), ("1K", 1e3), ("2.5k", 2.5e3), ("2k/s", 2e3), ("0.1M", 1e5)]
        {
            assert_eq!(rate(text), Ok(wanted), "{text}");
        }
        for bad in ["many", "", "k", "2kB", "1 2", "2000/min"] {
            assert!(rate(bad).unwrap_err().contains("try --rate 2000"), "{bad}");
        }
    }

    #[test]
    fn times_need_a_unit() {
        assert_eq!(duration("1s 500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("1.5S"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("0.5ms"), Ok(Duration::from_micros(500)));
        for bad in ["3", "-3s", "0s", "0.0s", "soon", "", "99999999999999999999s", "400d", "1.2.3s"]
        {
            assert!(duration(bad).unwrap_err().contains("try 3s"), "{bad}");
        }
        assert_eq!(age("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert!(age("7").unwrap_err().contains("try 7d"));
    }
}
