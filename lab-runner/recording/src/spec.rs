//! What a run is to do: `spec.json`, written before it starts.

mod format_1;
mod purpose;

pub use format_1::upgrade;
pub use purpose::{Pair, Purpose, Side};

use crate::{Kind, Load};
use serde::{Deserialize, Serialize};

/// The format that this lab writes, and the newest that it reads.
pub const FORMAT: u32 = 2;

/// What one run was asked to do. Written before it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Format of the whole recording.
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The variant's name.
    pub variant: String,
    /// The variant's kind.
    pub kind: Kind,
    /// What the variant is, in a line.
    pub about: String,
    /// What was asked of it.
    pub load: Load,
    /// What the run is for.
    pub purpose: Purpose,
    /// Bytes that its environment was lengthened by, so that the stack does not begin where it
    /// always does.
    #[serde(default)]
    pub padding: usize,
    /// When the run is killed, in milliseconds after its start.
    pub timeout_ms: u64,
    /// What was typed after the name of the binary.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The process that started it: a child that has another parent is an orphan and ends.
    #[serde(default)]
    pub parent: u32,
    /// What it was built with and where it ran.
    pub environment: Environment,
}

impl Spec {
    /// A plain run of a variant, which measures. The rest is filled in by the plan.
    pub fn new(scenario: &str, variant: &str, kind: Kind, load: Load) -> Spec {
        Spec {
            format: FORMAT,
            scenario: scenario.to_owned(),
            variant: variant.to_owned(),
            kind,
            about: String::new(),
            load,
            purpose: Purpose::Measure,
            padding: 0,
            timeout_ms: 0,
            command: String::new(),
            parent: 0,
            environment: Environment::default(),
        }
    }
}

/// What a run was built with and where it ran. What is unknown is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Cores that the process may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<usize>,
    /// The processor's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Operating system and architecture.
    pub os: String,
    /// Version of the lab.
    pub lab: String,
    /// The compiler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rustc: Option<String>,
    /// Version of tokio in the lock file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokio: Option<String>,
    /// Version of futures in the lock file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub futures: Option<String>,
    /// What gives out memory, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocator: Option<String>,
    /// Whether tokio's unstable hooks are there.
    pub tokio_unstable: bool,
    /// Whether this is a release build.
    pub optimised: bool,
}
