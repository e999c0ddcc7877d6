//! The ending of a run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The ending of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The variant's function returned `Ok`.
    Finished,
    /// The variant's function returned an error, panicked, or exited the process.
    Failed,
    /// A signal killed the child.
    Crashed,
    /// The child was still running at its deadline and was killed.
    Hung,
    /// The run was cut off from outside: the lab was interrupted or killed.
    Unfinished,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Ending::Finished => "finished",
            Ending::Failed => "failed",
            Ending::Crashed => "crashed",
            Ending::Hung => "hung",
            Ending::Unfinished => "unfinished",
        })
    }
}
