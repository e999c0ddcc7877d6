//! The arguments of `lab score`.

use crate::cli::number;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// Only these scenarios
    pub scenarios: Vec<String>,
    /// Runs the whole matrix: every seed, the load and half of it, the workers and twice as many, alone and beside a noisy neighbour
    #[arg(long)]
    pub thorough: bool,
    /// Seeds of arrivals and generated data. Without --thorough the first, and the last where all else is changed too
    #[arg(long, value_name = "N,…", value_parser = number::<u64>, value_delimiter = ',', default_values_t = [7, 11, 23])]
    pub seeds: Vec<u64>,
    /// Runs nothing beside a process that keeps half of the cores busy
    #[arg(long)]
    pub no_neighbour: bool,
    /// Asks another scanner too: this program is started with the folder of each recording as its only argument, and the
    /// first line that it prints is its answer, the name of a cause as in --format json (long-poll) or: nothing
    #[arg(long, value_name = "CMD")]
    pub scanner: Option<PathBuf>,
    /// Scores the recordings of an earlier score again and runs nothing
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["scenarios", "thorough", "seeds", "no_neighbour", "dry_run"])]
    pub from: Option<PathBuf>,
    /// Prints what the diagnosis goes by: every rule with its limits, the reason for each, and what would refute it
    #[arg(long, conflicts_with_all = ["scenarios", "thorough", "seeds", "no_neighbour", "dry_run", "from", "scanner"])]
    pub rules: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = ScoreFormat::Text)]
    pub format: ScoreFormat,
    /// Prints what would be run and runs nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where recordings go
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}

/// How a score is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreFormat {
    /// One screen for people, and what was wrong
    Text,
    /// One JSON document, `lab.score.v2`
    Json,
    /// A table for a document
    Markdown,
}
