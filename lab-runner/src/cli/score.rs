//! The arguments of `lab score`.

use crate::cli::number;
use crate::engine::raw::RawLogs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options that say what is run, none of which goes with a recorded score or with the rules.
const OF_RUNS: [&str; 6] =
    ["scenarios", "thorough", "seeds", "no_neighbour", "dry_run", "keep_raw"];

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// Only these scenarios
    pub scenarios: Vec<String>,
    /// Run the whole matrix: every seed, the load and half of it, the workers and twice as many,
    /// with and without a CPU-bound neighbour
    #[arg(long)]
    pub thorough: bool,
    /// Seeds of arrivals and generated data; without --thorough the first and the last are used
    #[arg(long, value_name = "N,…", value_parser = number::<u64>, value_delimiter = ',')]
    #[arg(default_values_t = [7, 11, 23])]
    pub seeds: Vec<u64>,
    /// Leave out the runs beside processes that keep half of the cores busy
    #[arg(long)]
    pub no_neighbour: bool,
    /// Also score another diagnosis: this program is started with the folder of each recording as
    /// its only argument and prints one line, a cause as named in --format json (long-poll), or:
    /// nothing. A failure of it counts as: crashed. Exit code 2 ends the score.
    /// benches/scanners/dial9/scan is one, of dial9
    #[arg(long, value_name = "CMD")]
    pub scanner: Option<PathBuf>,
    /// Score the recordings of an earlier lab score again, without running anything
    #[arg(long, value_name = "DIR", conflicts_with_all = OF_RUNS)]
    pub from: Option<PathBuf>,
    /// Print the rules of the diagnosis: the limits of each, the reason for each limit, and what
    /// would refute the finding
    #[arg(long, conflicts_with_all = OF_RUNS, conflicts_with_all = ["from", "scanner"])]
    pub rules: bool,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = ScoreFormat::Text)]
    pub format: ScoreFormat,
    /// Print the planned runs, with the estimated time, without running them
    #[arg(long)]
    pub dry_run: bool,
    /// Folder for recordings
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
    /// Keep the raw logs of profilers, which are removed once their results are computed
    #[arg(long)]
    pub keep_raw: bool,
}

impl ScoreArgs {
    /// What becomes of the raw logs of profilers.
    pub fn raw_logs(&self) -> RawLogs {
        if self.keep_raw { RawLogs::Keep } else { RawLogs::Remove }
    }
}

/// Formats of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreFormat {
    /// Text for a terminal, with every run that was diagnosed wrongly
    Text,
    /// One JSON document, `lab.score.v2`
    Json,
    /// A table for a document
    Markdown,
}
