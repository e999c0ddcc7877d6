//! Profiling overhead, as measured in the child: `overhead.json` beside the profiler's status. The
//! parent computes shares and intervals from it.

use serde::{Deserialize, Serialize};
use std::path::Path;

/// CPU time of a profiler and of its run, from the start of the profiler to the return of the
/// variant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overhead {
    /// CPU time of the whole process, in nanoseconds.
    pub process_ns: u64,
    /// Wall time, in nanoseconds.
    pub wall_ns: u64,
    /// CPU time of the pacer before the start, in nanoseconds; the rest of it is in `process_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacer_before_ns: Option<u64>,
    /// CPU time of the profiler's own threads.
    pub threads: Vec<OwnThread>,
    /// Events of the profiler on the threads of the program.
    pub events: Vec<Event>,
    /// Parts that could not be measured, with the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A thread of a profiler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnThread {
    /// Its name.
    pub name: String,
    /// CPU time of the thread, in nanoseconds.
    pub cpu_ns: u64,
}

/// A kind of event of a profiler on the threads of the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Name of the event: `poll`, `sample`.
    pub what: String,
    /// Number of events.
    pub count: u64,
    /// Cost of one event.
    pub price: Price,
}

/// The per-event cost in nanoseconds of CPU time: the median of several blocks, with its 95 %
/// interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The median.
    pub ns: f64,
    /// Lower end of the interval.
    pub low_ns: f64,
    /// Upper end of the interval.
    pub high_ns: f64,
}

/// Number of blocks of a cost measurement.
pub const BLOCKS: usize = 20;
/// Ranks of the interval. The median lies between the sixth and the fifteenth of twenty ordered
/// values with a probability of 95.9 %, by the binomial distribution, whatever the distribution of
/// the values is.
const RANKS: [usize; 2] = [5, 14];

impl Price {
    /// The cost, from the readings of each of [`BLOCKS`] blocks.
    pub fn of(mut blocks: [f64; BLOCKS]) -> Price {
        blocks.sort_by(f64::total_cmp);
        let ns = f64::midpoint(blocks[BLOCKS / 2 - 1], blocks[BLOCKS / 2]);
        Price { ns, low_ns: blocks[RANKS[0]], high_ns: blocks[RANKS[1]] }
    }

    /// The cost of two events that always happen together.
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

    /// Writes the file into the folder of a run.
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
