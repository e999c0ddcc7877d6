//! The arguments of `lab overhead`.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct OverheadArgs {
    /// Measure only instruments with this word in their name: see --dry-run
    #[arg(long, value_name = "WORD")]
    pub only: Vec<String>,
    /// Number of measurements of each; an interval needs at least six
    #[arg(long, value_name = "N", value_parser = crate::cli::count, allow_hyphen_values = true)]
    #[arg(default_value_t = 6)]
    pub rounds: usize,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = OverheadFormat::Text)]
    pub format: OverheadFormat,
    /// Print the planned measurements without taking them
    #[arg(long)]
    pub dry_run: bool,
}

/// Formats of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OverheadFormat {
    /// Tables for a terminal
    Text,
    /// One JSON document, `lab.overhead.v1`
    Json,
}
