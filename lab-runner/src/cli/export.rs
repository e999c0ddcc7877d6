//! The arguments of `lab export`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Recording of a run, or of everything that one command recorded: a folder or a packed file
    /// [default: the newest in --out]
    pub run: Option<PathBuf>,
    /// Format of the files
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: ExportTo,
    /// Folder for the files [default: export in a recording below --out; for any other recording
    /// NAME-export in --out, so that its folder is left as it is]
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// Merge the frames of a library into one, in folded stacks: tokio
    #[arg(long, value_enum, value_name = "LIBRARY")]
    pub fold: Option<Fold>,
    /// Folder of recordings
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}

/// Formats of other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportTo {
    /// Folded stacks with whole weights, whose unit is in the file's name: for inferno,
    /// flamegraph.pl, speedscope
    Folded,
    /// Profiles with functions, files and lines: for go tool pprof, speedscope, Firefox Profiler
    Pprof,
    /// Interval logs of all response times: for the tools of HdrHistogram
    Hlog,
    /// A time line of every poll, from the profiler sched: for ui.perfetto.dev
    Perfetto,
}

/// Libraries whose frames can be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fold {
    /// Adjacent frames of the runtime become [tokio]
    Tokio,
}
