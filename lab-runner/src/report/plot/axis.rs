//! One axis with round ends and labels.

use crate::report::plot::Scale;

/// An axis from one number to another.
#[derive(Debug, PartialEq)]
pub(crate) struct Axis {
    pub scale: Scale,
    pub low: f64,
    pub high: f64,
    /// What is labelled: powers of ten; the ends too if there are fewer than two.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// Holds all values, which have a place on the scale. A logarithmic one ends at 1, 2 or 5 times
    /// a power of ten: whole powers at both ends would leave half of the field empty for sizes from
    /// 500 to 16 000.
    pub fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Axis {
        let ends = values.fold(None, |ends: Option<(f64, f64)>, v| {
            Some(ends.map_or((v, v), |e| (e.0.min(v), e.1.max(v))))
        });
        let (low, high) = ends.map_or_else(|| scale.nothing(), |(low, high)| scale.ends(low, high));
        Axis { scale, low, high, ticks: scale.ticks(low, high) }
    }

    /// Which of so many cells in a row a value falls into, 0 at the low end.
    pub fn cell(&self, value: f64, cells: usize) -> usize {
        let place = |value| self.scale.place(value);
        let share = (place(value) - place(self.low)) / (place(self.high) - place(self.low));
        (share * (cells - 1) as f64).round() as usize
    }

    /// Both ends, in what is even along the axis.
    pub fn places(&self) -> std::ops::Range<f64> {
        self.scale.place(self.low)..self.scale.place(self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(low: f64, high: f64) -> Axis {
        Axis::over(Scale::Logarithmic, [low, high].into_iter())
    }

    fn axis(low: f64, high: f64, ticks: &[f64]) -> Axis {
        Axis { scale: Scale::Logarithmic, low, high, ticks: ticks.to_vec() }
    }

    #[test]
    fn ends_are_round_and_powers_of_ten_are_labelled() {
        assert_eq!(over(23.0, 5_181.0), axis(20.0, 10_000.0, &[100.0, 1_000.0, 10_000.0]));
        assert_eq!(over(500.0, 16_000.0), axis(500.0, 20_000.0, &[1_000.0, 10_000.0]));
        assert_eq!(over(1.0, 1_000.0), axis(1.0, 1_000.0, &[1.0, 10.0, 100.0, 1_000.0]));
        assert_eq!(over(0.002, 0.03).ticks, [0.002, 0.01, 0.05]);
    }

    #[test]
    fn an_axis_has_two_labels_at_least_and_seven_at_most() {
        assert_eq!(over(21.0, 40.0).ticks, [20.0, 50.0]);
        assert_eq!(over(10.0, 20.0).ticks, [10.0, 20.0]);
        assert_eq!(over(7.0, 7.0), axis(5.0, 10.0, &[5.0, 10.0]));
        assert_eq!(over(100.0, 100.0).ticks, [10.0, 100.0, 1_000.0]);
        for decades in 1..300 {
            let ticks = over(1.0, 10.0_f64.powi(decades)).ticks.len();
            assert!((2..=7).contains(&ticks), "{ticks} labels for {decades} decades");
        }
    }

    #[test]
    fn a_tail_fills_its_axis() {
        let tail = Axis::over(Scale::Tail, [0.0, 0.9995].into_iter());
        assert_eq!(
            [0.0, 0.5, 0.9, 0.99, 0.999, 0.9995].map(|share| tail.cell(share, 101)),
            [0, 9, 30, 61, 91, 100]
        );
    }
}
