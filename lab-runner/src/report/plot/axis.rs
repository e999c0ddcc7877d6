//! One logarithmic axis with round ends and round labels.

use super::units;

/// An axis from one round number to another.
#[derive(Debug, PartialEq)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    /// What is labelled: powers of ten; the ends too if there are fewer than two.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// Holds all values, which are positive, between 1, 2 or 5 times a power of ten: whole powers at both ends would
    /// leave half of the field empty for sizes from 500 to 16 000.
    pub fn over(values: impl Iterator<Item = f64>) -> Axis {
        let ends =
            values.fold(None, |ends: Option<(f64, f64)>, v| Some(ends.map_or((v, v), |e| (e.0.min(v), e.1.max(v)))));
        let (low, high) = ends.map_or((1.0, 10.0), |(low, high)| (round_down(low), round_up(high)));
        let (low, high) = if low < high { (low, high) } else { (low / 10.0, high * 10.0) };
        Axis { low, high, ticks: ticks(low, high) }
    }

    /// Which of so many cells in a row a value falls into, 0 at the low end.
    pub fn cell(&self, value: f64, cells: usize) -> usize {
        let share = (value.log10() - self.low.log10()) / (self.high.log10() - self.low.log10());
        (share * (cells - 1) as f64).round() as usize
    }
}

/// No more than seven powers of ten, for their labels need room.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    const STEPS: i32 = 6;
    let (first, last) = ((low.log10() - 1e-9).ceil() as i32, (high.log10() + 1e-9).floor() as i32);
    let step = ((last - first + STEPS - 1) / STEPS).max(1);
    let powers = (first..=last).filter(|power| power.rem_euclid(step) == 0).map(power_of_ten);
    let mut ticks: Vec<f64> = powers.collect();
    if ticks.len() < 2 {
        ticks.extend([low, high]);
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
    }
    ticks
}

/// Exact where a product of tens is not: 1e-3 is the number that is written so.
fn power_of_ten(power: i32) -> f64 {
    format!("1e{power}").parse().unwrap_or(f64::INFINITY)
}

/// How far off a number may be by rounding and still be round.
const NEARLY: f64 = 1e-9;

fn round_down(value: f64) -> f64 {
    let power = power_of_ten(value.log10().floor() as i32);
    let fits = |step: &f64| step * power <= value * (1.0 + NEARLY);
    [5.0, 2.0].into_iter().find(fits).unwrap_or(1.0) * power
}

fn round_up(value: f64) -> f64 {
    let power = power_of_ten(value.log10().floor() as i32);
    let fits = |step: &f64| step * power >= value * (1.0 - NEARLY);
    [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// A round number as it is said, or with an exponent if that takes too many digits.
pub(super) fn label(value: f64) -> String {
    match value {
        v if (0.999..=9_999_999.0).contains(&v) => units::grouped(v.round() as i64),
        v if (0.000_999..1.0).contains(&v) => format!("{v:.3}").trim_end_matches('0').to_owned(),
        v => format!("{v:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(low: f64, high: f64) -> Axis {
        Axis::over([low, high].into_iter())
    }

    #[test]
    fn ends_are_round_and_powers_of_ten_are_labelled() {
        assert_eq!(over(23.0, 5_181.0), Axis { low: 20.0, high: 10_000.0, ticks: vec![100.0, 1_000.0, 10_000.0] });
        assert_eq!(over(500.0, 16_000.0), Axis { low: 500.0, high: 20_000.0, ticks: vec![1_000.0, 10_000.0] });
        assert_eq!(over(1.0, 1_000.0), Axis { low: 1.0, high: 1_000.0, ticks: vec![1.0, 10.0, 100.0, 1_000.0] });
        assert_eq!(over(0.002, 0.03).ticks, [0.002, 0.01, 0.05]);
    }

    #[test]
    fn an_axis_has_two_labels_at_least_and_seven_at_most() {
        assert_eq!(over(21.0, 40.0).ticks, [20.0, 50.0]);
        assert_eq!(over(10.0, 20.0).ticks, [10.0, 20.0]);
        assert_eq!(over(7.0, 7.0), Axis { low: 5.0, high: 10.0, ticks: vec![5.0, 10.0] });
        assert_eq!(over(100.0, 100.0).ticks, [10.0, 100.0, 1_000.0]);
        for decades in 1..300 {
            let ticks = over(1.0, 10.0_f64.powi(decades)).ticks.len();
            assert!((2..=7).contains(&ticks), "{ticks} labels for {decades} decades");
        }
    }

    #[test]
    fn labels_are_short() {
        let cases = [(0.001, "0.001"), (0.5, "0.5"), (1.0, "1"), (20_000.0, "20 000"), (1e6, "1 000 000")];
        for (value, text) in [(1e7, "1e7"), (2e-7, "2e-7")].into_iter().chain(cases) {
            assert_eq!(label(value), text);
        }
    }
}
