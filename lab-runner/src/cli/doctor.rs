//! The arguments of `lab doctor`, in a file of their own because the command line has many.

use crate::cli::{RecordArgs, duration, pairs};
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The scenario of which a variant is compared with itself [default: the first]
    pub scenario: Option<String>,
    /// The variant that is compared with itself [default: fixed]
    pub variant: Option<String>,
    /// How many pairs are run
    #[arg(long, value_name = "N", value_parser = pairs, allow_hyphen_values = true, default_value_t = 8)]
    pub pairs: usize,
    /// Measured time of each run [default: as in lab verify, and a second at least]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    #[command(flatten)]
    pub record: RecordArgs,
}
