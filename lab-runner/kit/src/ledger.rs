//! The ledger: what everybody repeats about a sickness, and what the lab found.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One saying, held against claims of the scenario's variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Its place in the ledger, over all scenarios.
    pub number: u32,
    /// What is repeated.
    pub says: &'static str,
    /// Whether it is so.
    pub so: So,
    /// What the lab found, in words: the numbers stand in the evidence.
    pub found: &'static str,
    /// The claims that show it: variant, and what the claim says.
    pub shown_by: &'static [(&'static str, &'static str)],
}

/// Whether a saying is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum So {
    /// As it is said.
    Yes,
    /// Some of it.
    Partly,
    /// The lab found something else.
    No,
}

impl fmt::Display for So {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            So::Yes => "so",
            So::Partly => "partly so",
            So::No => "not so",
        })
    }
}
