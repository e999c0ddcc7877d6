//! The ledger: what everybody repeats about a fault, and what the lab found.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A common claim, checked against claims of the scenario's variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommonClaim {
    /// Its place in the ledger, over all scenarios.
    pub number: u32,
    /// What is repeated.
    pub says: &'static str,
    /// Whether it is so.
    pub so: LedgerVerdict,
    /// What the lab found, in words: the numbers are in the evidence.
    pub found: &'static str,
    /// The claims that show it: variant, and the claim's sentence.
    pub shown_by: &'static [(&'static str, &'static str)],
}

/// Whether a common claim is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerVerdict {
    /// True as stated.
    Yes,
    /// Some of it.
    Partly,
    /// The lab found something else.
    No,
}

impl fmt::Display for LedgerVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LedgerVerdict::Yes => "so",
            LedgerVerdict::Partly => "partly so",
            LedgerVerdict::No => "not so",
        })
    }
}
