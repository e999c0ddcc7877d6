//! The ledger: common claims about a fault, with the lab's verdicts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A common claim, checked against claims of the scenario's variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommonClaim {
    /// Position in the ledger, over all scenarios.
    pub number: u32,
    /// The common claim, as it is repeated.
    pub says: &'static str,
    /// The lab's verdict.
    pub so: LedgerVerdict,
    /// The reason for the verdict, in words; the numbers are in the evidence.
    pub found: &'static str,
    /// The evidence: claims of variants, each as the variant's name and the claim's sentence.
    pub shown_by: &'static [(&'static str, &'static str)],
}

/// Whether a common claim is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerVerdict {
    /// The claim is true as stated.
    Yes,
    /// A part of the claim is true.
    Partly,
    /// The claim is wrong.
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
