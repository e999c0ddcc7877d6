//! The options of `lab exercise`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ExerciseArgs {
    /// Folder of exercises [default: the folder exercises of this repository]
    #[arg(long, global = true, value_name = "DIR")]
    pub pack: Option<PathBuf>,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the exercises and what you have done
    List,
    /// Build your file, measure it, and judge it by the goal
    Check(CheckArgs),
    /// Check whenever the file is saved; the timed runs on a key
    Watch(WatchArgs),
    /// Show the next of four hints; each opens after another check
    Hint(SlugArgs),
    /// Predict a number before the first run
    Predict(PredictArgs),
    /// Name the causes and functions of a mystery, before its faults are mended
    Diagnose(DiagnoseArgs),
    /// Compare your last two tries
    Diff(DiffArgs),
    /// Show the solution of an exercise that is solved
    Solution(SolutionArgs),
    /// Put the file back as it was shipped; yours is kept
    Reset(SlugArgs),
    /// Prove the exercises: starters and traps miss their goals for the stated reason, solutions
    /// meet them
    Verify(HonestArgs),
    /// Write the skeleton of an exercise into a pack
    New(NewExerciseArgs),
    /// Write the checksums of everything that is not the learner's, after a change of an exercise
    Seal,
}

#[derive(Debug, Args)]
pub(crate) struct SlugArgs {
    /// Name of the exercise [default: the one you are at]
    pub slug: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Name of the exercise [default: the one you are at]
    pub slug: Option<String>,
    /// Seed of a mystery, which chooses its faults and puts its file together
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Only the first run: what counts can tell, within seconds
    #[arg(long)]
    pub counts: bool,
    /// Folder for recordings
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Name of the exercise [default: the one you are at]
    pub slug: Option<String>,
    /// Folder for recordings
    #[arg(long, value_name = "DIR", default_value = RECORDINGS)]
    pub out: PathBuf,
}

/// Where recordings go.
const RECORDINGS: &str = "lab-runs";

impl Default for WatchArgs {
    fn default() -> WatchArgs {
        WatchArgs { slug: None, out: RECORDINGS.into() }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Name of the exercise [default: the one you are at]
    pub slug: Option<String>,
    /// The number, in the unit of the question [default: asked for]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub value: Option<f64>,
    /// How sure you are, from 0 to 100 %
    #[arg(long, value_name = "PERCENT", requires = "value")]
    pub confidence: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Name of the exercise [default: the one you are at]
    pub slug: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SolutionArgs {
    /// Name of the exercise [default: the one you are at]
    pub slug: Option<String>,
    /// Show it although the exercise is not solved
    #[arg(long)]
    pub give_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    /// Name of the exercise [default: the one you are at]
    pub slug: Option<String>,
    /// A cause, once for each fault
    #[arg(long, value_name = "CAUSE")]
    pub cause: Vec<String>,
    /// The function to blame for it
    #[arg(long, value_name = "NAME")]
    pub function: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NewExerciseArgs {
    /// Its stable name: lower case letters, digits and hyphens
    pub slug: String,
}

#[derive(Debug, Args)]
pub(crate) struct HonestArgs {
    /// Only these exercises
    pub slugs: Vec<String>,
    /// Folder of programs that are built already
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
    /// Numbers of workers to prove them at
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 2])]
    pub workers: Vec<usize>,
    /// Folder for recordings
    #[arg(long, value_name = "DIR", default_value = "lab-runs")]
    pub out: PathBuf,
}
