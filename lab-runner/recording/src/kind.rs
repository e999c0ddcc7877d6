//! The role of a variant: faulty, fixed, or one that only appears so.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The role of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Shows the fault.
    Buggy,
    /// The default fix, which `--fixed` runs.
    Fixed,
    /// Another fix.
    Fix,
    /// A tempting fix that does not fix.
    Trap,
    /// A healthy variant that looks faulty.
    Decoy,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Buggy => "buggy",
            Kind::Fixed => "fixed",
            Kind::Fix => "fix",
            Kind::Trap => "trap",
            Kind::Decoy => "decoy",
        })
    }
}
