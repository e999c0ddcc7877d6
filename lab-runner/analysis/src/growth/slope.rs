//! Slope and bend of a few points (x, y), sorted by x and no two at the same x.

use crate::stats::median;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A slope by least squares, with its 95 % interval (Student's t).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// The slope of ln y over ln n.
    pub slope: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The median of the slopes between all pairs (Theil and Sen): up to 29 % of the points may be
/// arbitrarily wrong before it is, and a single slow run of a sweep is wrong in just that way.
pub fn theil_sen(line: &[(f64, f64)]) -> f64 {
    let pairs = line.iter().enumerate().flat_map(|(i, a)| line[..i].iter().map(move |b| (a, b)));
    median(pairs.map(|(a, b)| (a.1 - b.1) / (a.0 - b.0)).collect())
}

/// The slope by least squares with its t interval. None for fewer than three points: nothing is
/// left over to scatter.
pub fn least_squares(line: &[(f64, f64)]) -> Option<Line> {
    let freedom = line.len().checked_sub(2).filter(|freedom| *freedom > 0)? as f64;
    // The error of a slope is the scatter around the line, by how far apart the points are along x.
    let (slope, residuals) = straight(line);
    let mean = line.iter().map(|(x, _)| x).sum::<f64>() / line.len() as f64;
    let spread: f64 = line.iter().map(|(x, _)| (x - mean).powi(2)).sum();
    let error = (residuals.iter().map(|r| r * r).sum::<f64>() / freedom / spread).sqrt();
    let half = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975) * error;
    Some(Line { slope, low: slope - half, high: slope + half })
}

/// A straight line's slope, and what it leaves over.
fn straight(line: &[(f64, f64)]) -> (f64, Vec<f64>) {
    let n = line.len() as f64;
    let (x_mean, y_mean) =
        (line.iter().map(|p| p.0).sum::<f64>() / n, line.iter().map(|p| p.1).sum::<f64>() / n);
    let spread: f64 = line.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    let slope = line.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / spread;
    (slope, line.iter().map(|(x, y)| y - y_mean - slope * (x - x_mean)).collect())
}

/// The quadratic term by least squares: the slope over that part of x^2 which no straight line
/// explains.
pub fn curvature(line: &[(f64, f64)]) -> f64 {
    // A square minus its best straight line is orthogonal to all straight lines: what y has along
    // it is bend alone.
    let mean = line.iter().map(|(x, _)| x).sum::<f64>() / line.len() as f64;
    let squares: Vec<(f64, f64)> = line.iter().map(|(x, _)| (*x, (x - mean).powi(2))).collect();
    let (_, bend) = straight(&squares);
    let explained: f64 = bend.iter().zip(line).map(|(bend, (_, y))| bend * y).sum();
    explained / bend.iter().map(|bend| bend * bend).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Timings that were posted in <https://github.com/rust-lang/futures-rs/issues/2526>.
    fn posted() -> Vec<(f64, f64)> {
        let ms = [
            (10_000.0, 23.0),
            (20_000.0, 89.0),
            (40_000.0, 338.0),
            (80_000.0, 1_304.0),
            (160_000.0, 5_181.0),
        ];
        ms.iter().map(|(n, ms): &(f64, f64)| (n.ln(), ms.ln())).collect()
    }

    fn assert_close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value} is not {expected}");
    }

    #[test]
    fn timings_that_others_posted_have_the_slopes_that_they_have_elsewhere() {
        assert_close(theil_sen(&posted()), 1.950, 0.0005);
        let line = least_squares(&posted()).unwrap();
        assert_close(line.slope, 1.950, 0.0005);
        assert_close(line.low, 1.930, 0.0005);
        assert_close(line.high, 1.970, 0.0005);
    }

    #[test]
    fn one_wild_point_tilts_least_squares_only() {
        let mut line: Vec<(f64, f64)> =
            (0..6).map(|x| (f64::from(x), 2.0 * f64::from(x))).collect();
        line[5].1 = 100.0;
        assert_close(theil_sen(&line), 2.0, 1e-12);
        assert!(least_squares(&line).unwrap().slope > 10.0);
    }

    #[test]
    fn two_points_leave_nothing_over() {
        assert_eq!(least_squares(&posted()[..2]), None);
        assert_eq!(least_squares(&[]), None);
    }

    #[test]
    fn the_bend_is_the_quadratic_term() {
        let line: Vec<(f64, f64)> =
            (3..9).map(f64::from).map(|x| (x, 5.0 - 2.0 * x + 0.25 * x * x)).collect();
        assert_close(curvature(&line), 0.25, 1e-12);
        assert_close(curvature(&[(1.0, 1.0), (2.0, 3.0), (4.0, 7.0)]), 0.0, 1e-12);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        assert_close(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5, 0.0);
        assert_close(median(vec![3.0, 1.0, 2.0]), 2.0, 0.0);
    }
}
