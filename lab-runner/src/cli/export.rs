//! The arguments of `lab export`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The folder of a run or of an invocation, or a packed one [default: the newest in --out]
    pub run: Option<PathBuf>,
    /// What it is written as
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: ExportTo,
    /// The folder that the files go to [default: export, in the recording; NAME-export here for a packed one]
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// Folds frames of plumbing into one: tokio
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fold: Option<Fold>,
    /// Where recordings were put
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}

/// Formats of other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportTo {
    /// Stacks and weights, a line each: for flamegraph.pl, inferno, speedscope
    Folded,
    /// For go tool pprof and the Firefox Profiler
    Pprof,
    /// Interval logs of all response times: for the tools of HdrHistogram
    Hlog,
    /// Every poll on a time line, as the profiler sched saw it: for ui.perfetto.dev
    Perfetto,
}

/// What can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fold {
    /// Runs of the runtime's own frames become [tokio]
    Tokio,
}
