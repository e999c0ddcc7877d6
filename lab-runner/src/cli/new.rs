//! The arguments of `lab new`.

use clap::{Args, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The name of the scenario and of its crate, for example my-scenario
    #[arg(allow_hyphen_values = true)]
    pub name: String,
    /// The folder of the crate [default: the name]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub path: Option<PathBuf>,
}
