//! The options of a load, and the load of one side of a comparison.

use crate::cli::one_sentence;
use crate::cli::values::{duration, number, rate, size};
use clap::{Args, Parser};
use lab_recording::Arrivals;
use std::path::PathBuf;
use std::time::Duration;

/// The options that replace parts of a scenario's own load.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct LoadArgs {
    /// Worker threads of the runtime
    #[arg(long, value_name = "N", value_parser = number::<usize>, allow_hyphen_values = true)]
    pub workers: Option<usize>,
    /// Mean requests per second: 2000, 1k
    #[arg(long, value_name = "N", value_parser = rate, allow_hyphen_values = true)]
    pub rate: Option<f64>,
    /// Duration of the measurement: 3s, 500ms
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    /// Distribution of arrivals: constant, poisson, ramp:3, step:3
    #[arg(long, value_name = "MODEL", allow_hyphen_values = true)]
    pub arrivals: Option<Arrivals>,
    /// Size of one message: 16000, 16kB, 1.5MB. In a batch, the number of items: 10000, 10k
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    pub size: Option<usize>,
    /// Seed of arrivals and generated data
    #[arg(long, value_name = "N", value_parser = number::<u64>, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// Real messages instead of generated ones: a file with one JSON document a line
    #[arg(long, value_name = "FILE")]
    pub messages: Option<PathBuf>,
    /// How long slow storage blocks: 250ms, 5s
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub stall: Option<Duration>,
    /// A folder of real text files instead of slow storage
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
}

/// The load of one side of a comparison.
#[derive(Clone, Debug)]
pub(crate) struct OwnLoad {
    /// As it was typed.
    pub text: String,
    pub args: LoadArgs,
}

impl LoadArgs {
    /// These arguments, completed by those of `base`.
    pub fn over(&self, base: &LoadArgs) -> LoadArgs {
        LoadArgs {
            workers: self.workers.or(base.workers),
            rate: self.rate.or(base.rate),
            duration: self.duration.or(base.duration),
            arrivals: self.arrivals.or(base.arrivals),
            size: self.size.or(base.size),
            seed: self.seed.or(base.seed),
            messages: self.messages.clone().or_else(|| base.messages.clone()),
            stall: self.stall.or(base.stall),
            files: self.files.clone().or_else(|| base.files.clone()),
        }
    }
}

/// Parses `rate=100,duration=1s` as the options of the same names. Both sides share one seed.
pub(crate) fn own_load(text: &str) -> Result<OwnLoad, String> {
    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        load: LoadArgs,
    }
    let mut options = vec!["load".to_owned()];
    for part in text.split(',') {
        match part.split_once('=') {
            Some(("seed", _)) => return Err(bad_load("both sides of a pair share one seed")),
            Some((name, value)) => options.push(format!("--{name}={value}")),
            None => return Err(bad_load("not a list of name=value")),
        }
    }
    match Options::try_parse_from(options) {
        Ok(parsed) => Ok(OwnLoad { text: text.to_owned(), args: parsed.load }),
        Err(error) => Err(bad_load(&one_sentence(&error.to_string()))),
    }
}

fn bad_load(why: &str) -> String {
    format!("{why}: try rate=100,duration=1s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_may_have_a_load_of_its_own() {
        let own = own_load("rate=1k,duration=1s").unwrap();
        let given = (own.args.rate, own.args.duration);
        assert_eq!(given, (Some(1_000.0), Some(Duration::from_secs(1))));
        let base = LoadArgs { rate: Some(5.0), workers: Some(2), ..LoadArgs::default() };
        let merged = own.args.over(&base);
        assert_eq!((merged.rate, merged.workers), (Some(1_000.0), Some(2)));
        for bad in ["", "rate", "rate=many", "speed=7", "seed=3", "duration=3"] {
            let error = own_load(bad).unwrap_err();
            assert!(
                error.contains("try rate=100") || error.contains("try --rate"),
                "{bad}: {error}"
            );
        }
    }
}
