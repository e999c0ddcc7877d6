//! The arguments of `lab overhead`.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct OverheadArgs {
    /// Measures only what has one of these words in its name
    #[arg(long, value_name = "WORD")]
    pub only: Vec<String>,
    /// How often each is measured; six is the least for an interval
    #[arg(long, value_name = "N", value_parser = crate::cli::count, allow_hyphen_values = true, default_value_t = 6)]
    pub rounds: usize,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = OverheadFormat::Text)]
    pub format: OverheadFormat,
    /// Prints what would be measured and measures nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How costs are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OverheadFormat {
    /// Tables for people
    Text,
    /// One JSON document, `lab.overhead.v1`
    Json,
}
