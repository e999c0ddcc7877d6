//! Rounds of measurements: in each every instrument once, in an order of its own, so that a machine which becomes slower
//! does so for all of them.

use crate::child;
use crate::each::{Instrument, PLAIN};
use crate::say;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// What the orders come from: the same on every machine, and told in the header.
pub const SEED: u64 = 1;

/// What was measured of an instrument.
#[derive(Debug)]
pub struct Row {
    /// The instrument's name.
    pub name: &'static str,
    /// Nanoseconds a poll, round by round, or why there are none.
    pub rounds: Vec<Result<f64, String>>,
}

/// Measures so many rounds; rows are in the order of the instruments.
pub fn measure(instruments: &[&'static Instrument], count: usize, polls: u64) -> Vec<Row> {
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    let row = |instrument: &&'static Instrument| Row { name: instrument.name, rounds: Vec::with_capacity(count) };
    let mut rows: Vec<Row> = instruments.iter().map(row).collect();
    let mut order: Vec<usize> = (0..instruments.len()).collect();
    for round in 1..=count {
        say(&format_args!("round {round} of {count}"));
        order.shuffle(&mut rng);
        order.iter().for_each(|at| rows[*at].rounds.push(child::measure(instruments[*at].name, polls)));
    }
    rows
}

/// What a row has more than the plain one of the same round, where both were measured.
pub fn added(row: &Row, rows: &[Row]) -> Vec<f64> {
    let plain = rows.iter().find(|row| row.name == PLAIN).into_iter().flat_map(|row| &row.rounds);
    let pairs = row.rounds.iter().zip(plain);
    pairs.filter_map(|(with, without)| Some(with.as_ref().ok()? - without.as_ref().ok()?)).collect()
}
