//! The arguments of `lab clean`.

use crate::cli::values::{age, number};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Keep the newest N recordings
    #[arg(long, value_name = "N", value_parser = number::<usize>, allow_hyphen_values = true)]
    #[arg(default_value_t = 10)]
    pub keep: usize,
    /// Remove only recordings older than this: 7d, 12h
    #[arg(long, value_name = "TIME", value_parser = age, allow_hyphen_values = true)]
    pub older_than: Option<Duration>,
    /// Print what would be removed and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Folder of recordings
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}
