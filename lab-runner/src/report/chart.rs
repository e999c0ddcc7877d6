//! A histogram drawn in characters: responses on a logarithmic scale, two bars a factor of ten, or
//! one if they would be more than fit beside the rest on a screen.

use crate::report::{Style, units};
use hdrhistogram::Histogram;

const WIDTH: usize = 44;

/// The lines of a chart: from, to, bar, count. Bars are as long as their counts; one that would be
/// too short to be seen has one character, and the count beside it says how many it is.
pub(crate) fn lines(histogram: &Histogram<u64>, style: Style) -> Vec<String> {
    let counts = buckets(histogram);
    let most = counts.iter().map(|(_, _, count)| *count).max().unwrap_or(0).max(1);
    let bar = |count: u64| {
        let length = (count as f64 / most as f64 * WIDTH as f64).round() as usize;
        "█".repeat(length.max(usize::from(count > 0)))
    };
    let line = |(from, to, count): &(u64, u64, u64)| {
        let range = format!("{:>7} to {:>7}", time(*from, style), time(*to, style));
        let text = format!("{range} │{:<WIDTH$} {}", bar(*count), units::grouped(*count as i64));
        units::ascii(&text, style)
    };
    counts.iter().map(line).collect()
}

/// Edges are round numbers: two digits are too many.
fn time(ns: u64, style: Style) -> String {
    let text = units::time(ns as f64 / 1e3, style);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let number = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    };
    format!("{number} {unit}")
}

/// Counts between round edges in nanoseconds.
fn buckets(histogram: &Histogram<u64>) -> Vec<(u64, u64, u64)> {
    const MOST: usize = 8;
    let fine = counted(
        histogram,
        (3..=12).flat_map(|power| [10u64.pow(power), 3 * 10u64.pow(power)]).collect(),
    );
    if fine.len() <= MOST {
        fine
    } else {
        counted(histogram, (3..=13).map(|power| 10u64.pow(power)).collect())
    }
}

/// Counts between neighbouring edges, from the first pair that holds anything to the last.
fn counted(histogram: &Histogram<u64>, edges: Vec<u64>) -> Vec<(u64, u64, u64)> {
    let mut counted: Vec<(u64, u64, u64)> = std::iter::once(0)
        .chain(edges.iter().copied())
        .zip(edges.iter().copied())
        .map(|(a, b)| (a, b, 0))
        .collect();
    for value in histogram.iter_recorded() {
        let ns = value.value_iterated_to();
        let at = edges.partition_point(|edge| *edge <= ns).min(counted.len() - 1);
        counted[at].2 += value.count_at_value();
    }
    let first = counted.iter().position(|(_, _, count)| *count > 0).unwrap_or(0);
    let last = counted.iter().rposition(|(_, _, count)| *count > 0).unwrap_or(0);
    counted[first..=last].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_in_one_bar() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        for ns in [12_000, 12_000, 250_000, 2_000_000] {
            histogram.record(ns).unwrap();
        }
        let buckets = buckets(&histogram);
        assert_eq!(buckets.iter().map(|b| b.2).sum::<u64>(), 4);
        assert_eq!((buckets[0].0, buckets.last().unwrap().1), (10_000, 3_000_000));
        let lines = lines(&histogram, Style::new(true));
        assert!(lines.iter().all(|line| line.is_ascii()));
        assert!(lines[0].starts_with("  10 us to   30 us |####"), "{}", lines[0]);
        let length = |line: &str| line.matches('#').count();
        assert_eq!(
            (length(&lines[0]), length(&lines[2])),
            (WIDTH, WIDTH / 2),
            "half as many are half as long"
        );
        histogram.record(500).unwrap();
        histogram.record(2_000_000_000).unwrap();
        assert_eq!(counted(&histogram, vec![u64::MAX])[0].2, 6);
        assert!(
            self::lines(&histogram, Style::new(true)).len() <= 8,
            "a wide range gets one bar a factor of ten"
        );
    }

    #[test]
    fn nothing_measured_is_an_empty_bar_and_no_panic() {
        assert_eq!(lines(&Histogram::<u64>::new(3).unwrap(), Style::new(true)).len(), 1);
    }
}
