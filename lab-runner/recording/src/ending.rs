//! How a run ended.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The variant's function returned `Ok`.
    Finished,
    /// It returned an error, panicked, or left the process early.
    Failed,
    /// A signal killed the child.
    Crashed,
    /// It was still running at its deadline and had to be killed.
    Hung,
    /// It was cut off from outside: the lab was interrupted or died.
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
