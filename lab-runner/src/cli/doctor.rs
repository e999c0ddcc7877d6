//! The arguments of `lab doctor`, in a file of their own because the command line has many.

use crate::cli::{RecordArgs, duration, pairs};
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Scenario of the variant that is compared with itself [default: the first]
    pub scenario: Option<String>,
    /// Variant that is compared with itself [default: fixed]
    pub variant: Option<String>,
    /// Number of pairs
    #[arg(long, value_name = "N", value_parser = pairs, allow_hyphen_values = true)]
    #[arg(default_value_t = 8)]
    pub pairs: usize,
    /// Duration of each measurement [default: as in lab verify, and a second at least]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    #[command(flatten)]
    pub record: RecordArgs,
}
