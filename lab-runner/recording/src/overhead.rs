//! What watching took, as the child that was watched measured it: `watching.json` beside the
//! profiler's own word. What it comes to is reckoned by `watching/`, in the parent.

use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a profiler took of its run, from when it began to look until the variant had returned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overhead {
    /// CPU time of the whole process, in nanoseconds.
    pub process_ns: u64,
    /// For how long that was, in nanoseconds.
    pub wall_ns: u64,
    /// CPU time that the pacer had used before, in nanoseconds: the rest of its time is in
    /// `process_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacer_before_ns: Option<u64>,
    /// CPU time of the profiler's own threads.
    pub threads: Vec<OwnThread>,
    /// What it did on the threads of the program.
    pub events: Vec<Event>,
    /// What could not be measured, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A thread of a profiler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnThread {
    /// Its name.
    pub name: String,
    /// CPU time that it has used, in nanoseconds.
    pub cpu_ns: u64,
}

/// Something that a profiler does on the threads of the program, again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What: `poll`, `sample`.
    pub what: String,
    /// How often.
    pub count: u64,
    /// What one of them takes.
    pub price: Price,
}

/// CPU time of one event in nanoseconds: the median of several blocks of them, and the interval
/// that has it in 95 of 100 cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The median.
    pub ns: f64,
    /// Where the interval begins.
    pub low_ns: f64,
    /// Where it ends.
    pub high_ns: f64,
}

/// Blocks that a price is taken from.
pub const BLOCKS: usize = 20;
/// Of twenty ordered values, the sixth and the fifteenth have the median between them in 95.9 of
/// 100 cases: the binomial distribution gives it, whatever theirs is.
const RANKS: [usize; 2] = [5, 14];

impl Price {
    /// The cost, from the readings of each of [`BLOCKS`] blocks.
    pub fn of(mut blocks: [f64; BLOCKS]) -> Price {
        blocks.sort_by(f64::total_cmp);
        let ns = f64::midpoint(blocks[BLOCKS / 2 - 1], blocks[BLOCKS / 2]);
        Price { ns, low_ns: blocks[RANKS[0]], high_ns: blocks[RANKS[1]] }
    }

    /// What two things take together that happen together.
    #[must_use]
    pub fn and(self, other: Price) -> Price {
        Price {
            ns: self.ns + other.ns,
            low_ns: self.low_ns + other.low_ns,
            high_ns: self.high_ns + other.high_ns,
        }
    }
}

impl Overhead {
    /// The file's name.
    pub const FILE: &str = "overhead.json";

    /// Writes it into the folder of its run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(folder.join(Overhead::FILE), serde_json::to_vec_pretty(self)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_the_median_with_the_ranks_around_it() {
        let mut blocks: [f64; BLOCKS] = std::array::from_fn(|number| (20 - number) as f64);
        blocks[0] = 1e9;
        let price = Price::of(blocks);
        assert_eq!(
            (price.low_ns, price.ns, price.high_ns),
            (6.0, 10.5, 15.0),
            "an interrupted one changes nothing"
        );
        assert_eq!(price.and(price).high_ns, 30.0);
    }
}
