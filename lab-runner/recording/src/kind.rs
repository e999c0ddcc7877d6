//! What a variant is: faulty, fixed, or one that only looks so.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The role of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Shows the sickness.
    Buggy,
    /// The default cure, which `--fixed` runs.
    Fixed,
    /// Another cure.
    Cure,
    /// A tempting fix that does not cure.
    Trap,
    /// Looks sick, is healthy.
    Decoy,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Buggy => "buggy",
            Kind::Fixed => "fixed",
            Kind::Cure => "cure",
            Kind::Trap => "trap",
            Kind::Decoy => "decoy",
        })
    }
}
