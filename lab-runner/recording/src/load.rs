//! The load of a variant: everything that determines its work.

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The load of a variant. Plain data, written into every recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Seed of arrivals and generated data. The same seed generates the same work.
    pub seed: u64,
    /// How requests are spread over time.
    pub arrivals: Arrivals,
    /// Mean requests per second over the measured time.
    pub rate: f64,
    /// Load before the measured time, in milliseconds: recorded, tagged, excluded from every
    /// number.
    pub warmup_ms: u64,
    /// Measured time, in milliseconds.
    pub duration_ms: u64,
    /// Time in which the last answers may arrive after the last request, in milliseconds.
    pub drain_ms: u64,
    /// Worker threads of the runtime.
    pub workers: usize,
    /// Size of one item in bytes; each scenario defines its items.
    pub size: usize,
    /// A file of real messages, one JSON document a line, instead of generated ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<PathBuf>,
    /// Duration of a stall of slow storage, in milliseconds; each scenario defines its storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_ms: Option<u64>,
    /// A folder of real files instead of generated ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PathBuf>,
    /// Time in milliseconds that a run may take beyond warm-up, measured time and drain before it
    /// counts as hung.
    #[serde(default = "default_patience_ms")]
    pub patience_ms: u64,
}

fn default_patience_ms() -> u64 {
    Load::DEFAULT.patience_ms
}

/// How requests are spread over time. The rate stays the mean in every model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Arrivals {
    /// Equal gaps.
    Constant,
    /// Exponential gaps: independent users.
    Poisson,
    /// The rate changes linearly over the measured time; the last rate is this many times the
    /// first.
    Ramp(f64),
    /// The rate changes once, half-way; the second rate is this many times the first.
    Step(f64),
    /// A closed batch of `size` items that are all present at the start. It has neither a rate nor
    /// a duration.
    Batch,
}

impl Load {
    /// The default load: 2 000 requests a second with equal gaps, for 3 s on one worker.
    pub const DEFAULT: Load = Load {
        seed: 7,
        arrivals: Arrivals::Constant,
        rate: 2_000.0,
        warmup_ms: 500,
        duration_ms: 3_000,
        drain_ms: 5_000,
        workers: 1,
        size: 1_024,
        messages: None,
        stall_ms: None,
        files: None,
        patience_ms: 10_000,
    };

    /// A closed batch of 10 000 items on one worker, with a minute to finish.
    pub const BATCH: Load = Load {
        arrivals: Arrivals::Batch,
        rate: 0.0,
        warmup_ms: 0,
        duration_ms: 0,
        drain_ms: 0,
        size: 10_000,
        patience_ms: 60_000,
        ..Load::DEFAULT
    };

    /// Most requests of a run, warm-up included: each has a slot of 32 bytes on disk.
    pub const MOST_REQUESTS: f64 = 20_000_000.0;

    /// Measured time.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.duration_ms)
    }

    /// Time of load before the measured time.
    pub fn warmup(&self) -> Duration {
        Duration::from_millis(self.warmup_ms)
    }

    /// Time in which the last answers may arrive after the last request.
    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }

    /// Whether the load is a closed batch, without requests.
    pub fn is_batch(&self) -> bool {
        self.arrivals == Arrivals::Batch
    }

    /// Duration of a run of this load if the service keeps up: warm-up, measured time and drain.
    pub fn lasts(&self) -> Duration {
        self.warmup() + self.duration() + self.drain()
    }

    /// Rejects a load that no run can have had, whatever its lab allowed.
    ///
    /// # Errors
    /// If a number is negative, infinite, or larger than anything that a host can do.
    pub fn check_recorded(&self) -> anyhow::Result<()> {
        const YEAR_MS: u64 = 366 * 24 * 3_600 * 1_000;
        ensure!((0.0..1e10).contains(&self.rate), "there is no load with a rate of {}", self.rate);
        let factor = match self.arrivals {
            Arrivals::Ramp(factor) | Arrivals::Step(factor) => factor,
            Arrivals::Constant | Arrivals::Poisson | Arrivals::Batch => 1.0,
        };
        ensure!(factor.is_finite() && factor > 0.0, "there is no load that changes by {factor}");
        let times = [self.warmup_ms, self.duration_ms, self.drain_ms, self.patience_ms];
        ensure!(times.iter().all(|ms| *ms < YEAR_MS), "there is no load of a year");
        ensure!(self.workers < 1 << 20, "there is no load with {} workers", self.workers);
        ensure!(self.size < 1 << 48, "there is no load with a size of {}", self.size);
        Ok(())
    }

    /// Checks that the lab can generate the load.
    ///
    /// # Errors
    /// If a number is out of range: one sentence that names the next step.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=512).contains(&self.workers) {
            return Err("workers must be between 1 and 512: try --workers 1".into());
        }
        if self.is_batch() { self.check_batch() } else { self.check_stream() }
    }

    /// The size is a number of items; the scenario checks whether they fit into memory.
    fn check_batch(&self) -> Result<(), String> {
        match self.size {
            1..=1_000_000_000 => Ok(()),
            _ => Err("a batch has between 1 and 1000000000 items: try --size 10000".into()),
        }
    }

    fn check_stream(&self) -> Result<(), String> {
        self.check_rate()?;
        if !(100..=3_600_000).contains(&self.duration_ms) {
            return Err("a duration must be between 100ms and 1h: try --duration 3s".into());
        }
        let requests = self.rate * (self.warmup() + self.duration()).as_secs_f64();
        if requests > Self::MOST_REQUESTS {
            return Err(format!(
                "this load has {requests:.0} requests, at most {:.0} are possible: \
                 lower --rate or --duration",
                Self::MOST_REQUESTS
            ));
        }
        if requests < 1.0 {
            return Err("this load sends no requests: raise --rate or --duration".into());
        }
        if !(1..=64 << 20).contains(&self.size) {
            return Err("a size must be between 1 byte and 64 MiB: try --size 16kB".into());
        }
        Ok(())
    }

    fn check_rate(&self) -> Result<(), String> {
        if !self.rate.is_finite() || self.rate <= 0.0 || self.rate > 1_000_000.0 {
            return Err(
                "a rate must be above 0 and at most 1000000 requests a second: try --rate 2000"
                    .into(),
            );
        }
        Ok(())
    }
}

impl FromStr for Arrivals {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, factor) = match text.split_once(':') {
            Some((kind, factor)) => (kind, Some(parse_factor(factor)?)),
            None => (text, None),
        };
        match (kind, factor) {
            ("batch", None) => Ok(Arrivals::Batch),
            ("constant", None) => Ok(Arrivals::Constant),
            ("poisson", None) => Ok(Arrivals::Poisson),
            ("ramp", factor) => Ok(Arrivals::Ramp(factor.unwrap_or(3.0))),
            ("step", factor) => Ok(Arrivals::Step(factor.unwrap_or(3.0))),
            ("batch" | "constant" | "poisson", Some(_)) => {
                Err(format!("{kind} takes no ratio: try {kind}"))
            }
            _ => Err(format!(
                "'{text}' is not an arrival model: try constant, poisson, ramp:3 or step:3"
            )),
        }
    }
}

fn parse_factor(text: &str) -> Result<f64, String> {
    let usable = |f: &f64| f.is_finite() && (0.001..=1_000.0).contains(f);
    text.parse().ok().filter(usable).ok_or_else(|| {
        format!(
            "'{text}' is not a ratio of last rate to first (0.001 to 1000): try ramp:3 or step:3"
        )
    })
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arrivals::Batch => f.write_str("batch"),
            Arrivals::Constant => f.write_str("constant"),
            Arrivals::Poisson => f.write_str("poisson"),
            Arrivals::Ramp(factor) => write!(f, "ramp:{factor}"),
            Arrivals::Step(factor) => write!(f, "step:{factor}"),
        }
    }
}

impl TryFrom<String> for Arrivals {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Arrivals> for String {
    fn from(arrivals: Arrivals) -> String {
        arrivals.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_read_back_what_they_print() {
        for text in ["batch", "constant", "poisson", "ramp:3", "step:0.5"] {
            assert_eq!(text.parse::<Arrivals>().unwrap().to_string(), text);
        }
        assert_eq!("ramp".parse(), Ok(Arrivals::Ramp(3.0)));
    }

    #[test]
    fn nonsense_is_refused_with_a_next_step() {
        for text in ["", "bursty", "constant:2", "ramp:0", "ramp:nan", "step:-1", "step:1e9"] {
            let refusal = text.parse::<Arrivals>().unwrap_err();
            assert!(refusal.contains("try "), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_load_outside_its_limits_is_refused() {
        let with = |change: fn(&mut Load)| {
            let mut load = Load::DEFAULT;
            change(&mut load);
            load.check()
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert!(with(|l| l.rate = 0.0).is_err());
        assert!(with(|l| l.rate = f64::NAN).is_err());
        assert!(with(|l| l.rate = 1e300).is_err());
        assert!(with(|l| l.rate = 0.01).unwrap_err().contains("no request"));
        assert!(with(|l| l.duration_ms = 0).is_err());
        assert!(with(|l| l.duration_ms = u64::MAX).is_err());
        assert!(with(|l| l.workers = 0).is_err());
        assert!(with(|l| l.size = 0).is_err());
        assert!(
            with(|l| (l.rate, l.duration_ms) = (1e6, 60_000)).unwrap_err().contains("requests")
        );
    }

    #[test]
    fn a_batch_has_a_size_and_nothing_else() {
        assert_eq!(Load::BATCH.check(), Ok(()));
        assert!(Load { size: 0, ..Load::BATCH }.check().unwrap_err().contains("--size"));
        assert!(Load { size: usize::MAX, ..Load::BATCH }.check().is_err());
        assert!(Load { workers: 0, ..Load::BATCH }.check().unwrap_err().contains("--workers"));
    }
}
