//! The arguments of `lab pack`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// The folder of a run, or of an invocation with all its runs and profiles
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// The file to write, if there is one RUN [default: the folder's name and .lab, beside the
    /// folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Leave out what reports do not read: raw profiler logs, pages, pictures and exports
    #[arg(long)]
    pub for_documents: bool,
}
