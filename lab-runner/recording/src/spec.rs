//! The task of a run: `spec.json`, written before the run.

mod format_1;
mod purpose;

pub use format_1::upgrade;
pub use purpose::{Pair, Purpose, Side};

use crate::{Kind, Load};
use serde::{Deserialize, Serialize};

/// The format that this lab writes, and the newest that it reads.
pub const FORMAT: u32 = 2;

/// The task of one run.
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
    /// One line on the variant.
    pub about: String,
    /// The load.
    pub load: Load,
    /// The purpose of the run.
    pub purpose: Purpose,
    /// Bytes of padding in the environment, which shift the start address of the stack from run to
    /// run.
    #[serde(default)]
    pub padding: usize,
    /// Time after its start at which the run is killed, in milliseconds.
    pub timeout_ms: u64,
    /// The command line, without the name of the binary.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Number of the parent process: a child with another parent is an orphan and exits.
    #[serde(default)]
    pub parent: u32,
    /// Build and host of the run.
    pub environment: Environment,
}

impl Spec {
    /// A measuring run of a variant. The plan sets the other fields.
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

/// Build and host of a run. Unknown values are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Number of cores that the process may use.
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
    /// The allocator, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocator: Option<String>,
    /// Whether tokio was built with `tokio_unstable`.
    pub tokio_unstable: bool,
    /// Whether this is a release build.
    pub optimised: bool,
}
