//! The portfolio: prices that requests look up, and a simulation that values all positions.

use lab_kit::{Counter, Probe};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Paths of a simulation.
pub const PATHS: u64 = 40_000;
/// Positions of the portfolio. With them a valuation takes about an eighth of a second.
const POSITIONS: usize = 2_500;
/// Time between two valuations.
const PAUSE: Duration = Duration::from_millis(75);
/// Portfolios of which one is as large as that of all of them.
const SMALL: u32 = 125;
/// The largest change of a price in a path, as a share of it.
const SHOCK: f64 = 0.1;

/// Positions with their prices.
#[derive(Clone, Debug)]
pub struct Portfolio {
    prices: Vec<f64>,
    /// Time between two valuations.
    pub pause: Duration,
}

impl Portfolio {
    /// A portfolio whose valuation takes long.
    pub fn large() -> Portfolio {
        Portfolio::of(POSITIONS, PAUSE)
    }

    /// A portfolio whose valuation takes a millisecond, and is made as much more often.
    pub fn small() -> Portfolio {
        Portfolio::of(POSITIONS / SMALL as usize, PAUSE / SMALL)
    }

    fn of(positions: usize, pause: Duration) -> Portfolio {
        let prices = (0..positions).map(|position| 10.0 + (position % 90) as f64).collect();
        Portfolio { prices, pause }
    }

    /// The price of a position.
    pub fn price(&self, number: usize) -> f64 {
        self.prices[number % self.prices.len()]
    }

    /// Values all positions in every path.
    pub fn simulate(&self) -> Valuation {
        self.simulate_paths(0..PATHS)
    }

    /// Values all positions in some of the paths.
    pub fn simulate_paths(&self, paths: Range<u64>) -> Valuation {
        let begin = Instant::now();
        let values = paths.map(|path| self.value_in(path));
        let worst = values.fold(f64::INFINITY, f64::min);
        Valuation { worst, took: begin.elapsed() }
    }

    /// The value of all positions after a random change of each price.
    fn value_in(&self, path: u64) -> f64 {
        let mut random = path;
        let mut value = 0.0;
        for price in &self.prices {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            let change = (random >> 32) as f64 / f64::from(u32::MAX) - 0.5;
            value += price * (1.0 + change * SHOCK);
        }
        value
    }
}

/// The outcome of a simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Valuation {
    /// The lowest value of the portfolio in any of the paths.
    pub worst: f64,
    /// The time that it took to compute.
    pub took: Duration,
}

impl Default for Valuation {
    /// The valuation of no path.
    fn default() -> Valuation {
        Valuation { worst: f64::INFINITY, took: Duration::ZERO }
    }
}

impl Valuation {
    /// The valuation of the paths of both.
    #[must_use]
    pub fn and(self, other: Valuation) -> Valuation {
        Valuation { worst: self.worst.min(other.worst), took: self.took + other.took }
    }
}

/// The valuations that were published.
#[derive(Clone, Debug)]
pub struct Valuations {
    published: Counter,
    longest_us: Counter,
}

impl Valuations {
    /// No valuations yet.
    ///
    /// # Errors
    /// If the probe has no room for their counters.
    pub fn new(probe: &Probe) -> anyhow::Result<Valuations> {
        let published = probe.counter("valuations")?;
        published.set(0);
        Ok(Valuations { published, longest_us: probe.counter("valuation_us")? })
    }

    /// Publishes a valuation. One that is no number is an error of the simulation.
    pub fn publish(&self, valuation: Valuation) {
        assert!(valuation.worst.is_finite(), "a portfolio has a value in each path");
        self.published.add(1);
        self.longest_us.raise_to(valuation.took.as_micros() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_the_paths_make_the_valuation_of_all_of_them() {
        let portfolio = Portfolio::small();
        let all = portfolio.simulate_paths(0..1_000);
        let slices = (0..10).map(|slice| portfolio.simulate_paths(slice * 100..(slice + 1) * 100));
        assert_eq!(slices.fold(Valuation::default(), Valuation::and).worst, all.worst);
        assert!(all.worst < portfolio.prices.iter().sum());
    }
}
