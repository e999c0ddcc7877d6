//! The growth of a metric with the size: the exponent b in `y = a * n^b`.
//!
//! Theil-Sen through the medians of the sizes: one size at which the host was busy cannot tilt
//! it. Its interval is a bootstrap over the repetitions of each size, which scatter; sizes are
//! fixed.

mod slope;
pub mod sweep;

pub use slope::Line;

use crate::stats::median;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use slope::{curvature, least_squares, theil_sen};
use std::fmt;

/// Fewer sizes cannot distinguish a power law from a bend.
const FEWEST_SIZES: usize = 6;
/// One does not scatter. With two and noise of a fifth, a simulation's 95 % intervals held the
/// truth in 81 % of cases, and 17 % of straight lines were called bent; with three in 97 %, and 5
/// %.
const FEWEST_REPETITIONS: usize = 3;
/// Of a median: an empty run that costs more than this part of it is most of what was measured,
/// soon.
const TENTH: f64 = 0.1;
/// Draws of the bootstrap.
const RESAMPLES: usize = 2_000;
/// Draws beyond each end of a 95 % interval.
const BEYOND: usize = RESAMPLES / 40;
/// A quadratic term of less than this is no bend: n log n has less, and so has rounding.
const BENT: f64 = 0.05;
/// The number of largest sizes that give the exponent where no single power law fits.
const TOP: usize = 3;

/// Repetitions of one metric at one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The amount of work of the run: tasks, messages, connections.
    pub size: f64,
    /// The values of the metric, one per repetition, in the unit that its name ends with.
    pub values: Vec<f64>,
}

/// The growth of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// b in `y = a * n^b`, by Theil-Sen: 1 doubles with the size, 2 quadruples. n log n shows as 1
    /// + 1/ln n.
    pub exponent: f64,
    /// Lower end of the exponent's 95 % interval.
    pub low: f64,
    /// Upper end of the exponent's 95 % interval.
    pub high: f64,
    /// The cross-check, through the same medians. None if it is no pure power law: there is no one
    /// slope then.
    pub ols: Option<Line>,
    /// Whether one power law fits all sizes; otherwise exponent and interval are those of
    /// the three largest sizes.
    pub pure: bool,
    /// c in `ln y = a + b ln n + c (ln n)^2`, by least squares.
    pub curvature: f64,
    /// Sizes that were used.
    pub sizes: usize,
}

/// The class of an exponent, by its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// All of it is below 1.30.
    LinearLike,
    /// All of it is above 1.70.
    QuadraticLike,
    /// Neither: larger sizes may decide.
    Inconclusive,
}

impl fmt::Display for Class {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Class::LinearLike => "linear-like",
            Class::QuadraticLike => "quadratic-like",
            Class::Inconclusive => "inconclusive",
        })
    }
}

impl Growth {
    /// Judged by the interval, never by the exponent alone.
    pub fn class(&self) -> Class {
        match (self.low, self.high) {
            (_, high) if high < 1.30 => Class::LinearLike,
            (low, _) if low > 1.70 => Class::QuadraticLike,
            _ => Class::Inconclusive,
        }
    }
}

/// Fits a metric's growth. The sizes may come in any order; the same seed gives the same interval.
///
/// `empty` is the cost of an empty run, in the metric's unit: it is subtracted, and sizes at
/// which it exceeds 10 % of the median are left out, because there the subtraction dominates.
///
/// # Errors
/// Why there is no exponent, as a lowercase sentence: fewer than six usable sizes, fewer than three
/// repetitions of a size, the same size twice, a size or a value that is not positive.
pub fn fit(points: &[Point], empty: f64, seed: u64) -> Result<Growth, String> {
    let usable = usable(points, empty)?;
    if usable.len() < FEWEST_SIZES {
        let (usable, given) = (usable.len(), points.len());
        return Err(format!(
            "{usable} of {given} sizes are usable, and an exponent needs {FEWEST_SIZES}"
        ));
    }
    Ok(grown(&usable, seed))
}

/// The usable points, smallest size first, minus the cost of an empty run.
fn usable(points: &[Point], empty: f64) -> Result<Vec<Point>, String> {
    if !(empty.is_finite() && empty >= 0.0) {
        return Err(format!("an empty run cannot cost {empty}"));
    }
    points.iter().try_for_each(check)?;
    let mut usable: Vec<Point> =
        points.iter().filter(|p| empty <= TENTH * median(p.values.clone())).cloned().collect();
    usable.sort_by(|a, b| a.size.total_cmp(&b.size));
    if let Some(twice) = usable.windows(2).find(|pair| pair[0].size == pair[1].size) {
        return Err(format!("size {} is there twice", twice[0].size));
    }
    usable.iter_mut().flat_map(|point| &mut point.values).for_each(|value| *value -= empty);
    match usable.iter().find(|point| point.values.iter().any(|value| *value <= 0.0)) {
        Some(point) => Err(format!("a run at size {} costs no more than an empty one", point.size)),
        None => Ok(usable),
    }
}

fn check(point: &Point) -> Result<(), String> {
    let Point { size, values } = point;
    let positive = |value: &f64| value.is_finite() && *value > 0.0;
    if !positive(size) {
        return Err(format!("size {size} is not positive"));
    }
    if values.len() < FEWEST_REPETITIONS {
        return Err(format!(
            "size {size} was run {} times, and takes {FEWEST_REPETITIONS} at least",
            values.len()
        ));
    }
    let wrong = values.iter().find(|value| !positive(value));
    wrong.map_or(Ok(()), |value| Err(format!("{value} at size {size} is not positive")))
}

fn grown(points: &[Point], seed: u64) -> Growth {
    let line = in_logs(points, |values| values.to_vec());
    let shape = Shape::from_line(&line);
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let drawn: Vec<Shape> = (0..RESAMPLES)
        .map(|_| Shape::from_line(&in_logs(points, |values| draw(values, &mut rng))))
        .collect();
    let (c_low, c_high) = interval(&drawn, |shape| shape.curvature);
    let pure = shape.curvature.abs() <= BENT || (c_low <= 0.0 && c_high >= 0.0);
    let slope = |shape: &Shape| if pure { shape.whole } else { shape.top };
    let (low, high) = interval(&drawn, slope);
    let ols = if pure { least_squares(&line) } else { None };
    Growth {
        exponent: slope(&shape),
        low,
        high,
        ols,
        pure,
        curvature: shape.curvature,
        sizes: points.len(),
    }
}

/// The slopes and the bend of a line in double-log scale.
struct Shape {
    whole: f64,
    top: f64,
    curvature: f64,
}

impl Shape {
    fn from_line(line: &[(f64, f64)]) -> Shape {
        let top = &line[line.len().saturating_sub(TOP)..];
        Shape { whole: theil_sen(line), top: theil_sen(top), curvature: curvature(line) }
    }
}

/// (ln n, ln of the median of the values that `pick` makes of those at n).
fn in_logs(points: &[Point], mut pick: impl FnMut(&[f64]) -> Vec<f64>) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point.size.ln(), median(pick(&point.values)).ln())).collect()
}

/// As many as there are, with replacement.
fn draw(values: &[f64], rng: &mut Pcg64Mcg) -> Vec<f64> {
    let index = |random: u64| ((u128::from(random) * values.len() as u128) >> 64) as usize;
    values.iter().map(|_| values[index(rng.next_u64())]).collect()
}

/// The middle 95 %.
fn interval(drawn: &[Shape], of: impl Fn(&Shape) -> f64) -> (f64, f64) {
    let mut values: Vec<f64> = drawn.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    (values[BEYOND], values[values.len() - 1 - BEYOND])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes from 1 000 on, doubled each time, and what `cost` says about them.
    fn points(sizes: i32, repetitions: usize, mut cost: impl FnMut(f64) -> f64) -> Vec<Point> {
        let size = |i| 1_000.0 * 2.0_f64.powi(i);
        (0..sizes)
            .map(|i| Point {
                size: size(i),
                values: (0..repetitions).map(|_| cost(size(i))).collect(),
            })
            .collect()
    }

    /// Factors of about a fifth more or less: sums of twelve even draws are nearly normal.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut even = move || rng.next_u32() as f64 / f64::from(u32::MAX) - 0.5;
        move || (0.2 * (0..12).map(|_| even()).sum::<f64>()).exp()
    }

    fn noisy(sizes: i32, exponent: f64, seed: u64) -> Growth {
        let mut noise = noise(seed);
        fit(&points(sizes, 5, |n| n.powf(exponent) * noise()), 0.0, seed).unwrap()
    }

    #[test]
    fn exact_counts_have_an_interval_without_width() {
        for (exponent, class) in
            [(1.0, Class::LinearLike), (1.5, Class::Inconclusive), (2.0, Class::QuadraticLike)]
        {
            let growth = fit(&points(6, 3, |n| 7.0 * n.powf(exponent)), 0.0, 1).unwrap();
            assert!((growth.exponent - exponent).abs() < 1e-9, "{growth:?}");
            assert_eq!((growth.low, growth.high), (growth.exponent, growth.exponent));
            assert!(growth.pure && growth.sizes == 6, "a rounding error is no bend: {growth:?}");
            assert_eq!(growth.class(), class);
        }
        let flat = fit(&points(6, 3, |_| 3.0), 0.0, 1).unwrap();
        assert_eq!((flat.exponent, flat.class()), (0.0, Class::LinearLike));
    }

    #[test]
    fn n_log_n_is_pure_and_shows_as_a_bit_more_than_one() {
        let growth = fit(&points(8, 3, |n| n * n.ln()), 0.0, 1).unwrap();
        let middle = (1_000.0 * 128.0_f64.sqrt()).ln();
        assert!((growth.exponent - (1.0 + 1.0 / middle)).abs() < 0.01, "{growth:?}");
        assert!(growth.pure && growth.class() == Class::LinearLike);
    }

    /// Least squares through means would have 0.06 and 0.04: that is what a median's robustness
    /// costs.
    #[test]
    fn noise_of_a_fifth_leaves_less_than_a_tenth_of_doubt() {
        let half = |sizes| {
            (0..20).map(|s| noisy(sizes, 1.0, s)).map(|g| (g.high - g.low) / 2.0).sum::<f64>()
                / 20.0
        };
        let (six, eight) = (half(6), half(8));
        assert!((0.08..0.10).contains(&six), "six sizes: {six}");
        assert!((0.05..0.065).contains(&eight), "eight sizes: {eight}");
    }

    #[test]
    fn the_interval_holds_the_truth_most_of_the_time() {
        let holds = |growth: &Growth| growth.low <= 1.0 && 1.0 <= growth.high;
        let held = (0..40).map(|seed| noisy(6, 1.0, seed)).filter(holds).count();
        assert!(held >= 36, "{held} of 40");
    }

    #[test]
    fn a_bend_is_told_and_judged_by_its_upper_end() {
        let mixed = |n: f64| n + n * n / 10_000.0;
        let mut noise = noise(3);
        let growth = fit(&points(6, 5, |n| mixed(n) * noise().powf(0.1)), 0.0, 3).unwrap();
        let top = (mixed(32_000.0) / mixed(8_000.0)).log2() / 2.0;
        assert!(!growth.pure && growth.curvature > BENT && growth.ols.is_none(), "{growth:?}");
        assert!((growth.exponent - top).abs() < 0.05, "{growth:?} instead of {top}");
        assert!(growth.low <= growth.exponent && growth.exponent <= growth.high);
    }

    #[test]
    fn what_nothing_costs_is_taken_off_and_drops_the_sizes_that_it_rules() {
        let growth = fit(&points(8, 3, |n| n + 250.0), 250.0, 1).unwrap();
        assert_eq!(growth.sizes, 6, "250 are over a tenth of 1 250 and of 2 250");
        assert!((growth.exponent - 1.0).abs() < 1e-9);
        let refused = fit(&points(7, 3, |n| n + 250.0), 250.0, 1).unwrap_err();
        assert_eq!(refused, "5 of 7 sizes are usable, and an exponent needs 6");
    }

    #[test]
    fn what_cannot_be_fitted_is_refused_with_a_reason() {
        let with = |change: fn(&mut Vec<Point>)| {
            let mut points = points(6, 3, |n| n);
            change(&mut points);
            fit(&points, 0.0, 1).unwrap_err()
        };
        assert_eq!(with(|p| p[0].values[1] = 0.0), "0 at size 1000 is not positive");
        assert_eq!(with(|p| p[0].values[1] = f64::NAN), "NaN at size 1000 is not positive");
        assert_eq!(with(|p| p[0].size = -1.0), "size -1 is not positive");
        assert_eq!(with(|p| p[0].size = 2_000.0), "size 2000 is there twice");
        assert_eq!(
            with(|p| p[0].values.truncate(2)),
            "size 1000 was run 2 times, and takes 3 at least"
        );
        assert_eq!(
            fit(&[], 0.0, 1).unwrap_err(),
            "0 of 0 sizes are usable, and an exponent needs 6"
        );
        assert_eq!(fit(&[], f64::NAN, 1).unwrap_err(), "an empty run cannot cost NaN");
        let mut points = points(6, 3, |n| n);
        points[0].values[0] = 50.0;
        assert_eq!(
            fit(&points, 50.0, 1).unwrap_err(),
            "a run at size 1000 costs no more than an empty one"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_answer_whatever_the_order() {
        let mut noise = noise(9);
        let mut points = points(6, 5, |n| n * noise());
        let first = fit(&points, 0.0, 7).unwrap();
        points.reverse();
        assert_eq!(fit(&points, 0.0, 7).unwrap(), first);
        assert_ne!(fit(&points, 0.0, 8).unwrap(), first);
    }

    #[test]
    fn classes_are_words() {
        let words = [Class::LinearLike, Class::QuadraticLike, Class::Inconclusive]
            .map(|class| class.to_string());
        assert_eq!(words, ["linear-like", "quadratic-like", "inconclusive"]);
    }
}
