//! The arguments of `lab book`, which is for those who maintain the repository.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct BookArgs {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fill in the numbers, blocks and pictures that documents take from the recordings in
    /// book/data
    Figures(FiguresArgs),
    /// Compare the numbers that documents quote with those of recordings that were made again
    Confirm(ConfirmArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FiguresArgs {
    /// Write nothing, and fail if a document or a picture is not what its recording says
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The folder of the recordings that were made again: see book/measure
    pub again: PathBuf,
}
