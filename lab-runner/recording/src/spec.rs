//! What a run is to do: `spec.json`, written before it starts.

use crate::profiler::Profiler;
use crate::{Kind, Load};
use serde::{Deserialize, Serialize};

/// The format that this lab writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

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
    /// What the load's size was multiplied by for a growth claim; 1 for a plain run.
    pub scaled: usize,
    /// Which repetition of a sweep's size this is, from 0; absent for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<usize>,
    /// Which of many trials with different seeds this is, from 1; absent for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<usize>,
    /// Its place in a comparison; absent for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
    /// Whether more pairs may be added after a look at those so far, which every look pays for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub looks: bool,
    /// The profiler that it is looked at with; absent if it measures. No number of a table comes from a run with a profiler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiler: Option<Profiler>,
    /// Bytes that its environment was lengthened by, so that the stack does not begin where it always does.
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
    /// A plain run of a variant, which measures; what else is known of it is set by who plans it.
    pub fn new(scenario: &str, variant: &str, kind: Kind, load: Load) -> Spec {
        Spec {
            format: FORMAT,
            scenario: scenario.to_owned(),
            variant: variant.to_owned(),
            kind,
            about: String::new(),
            load,
            scaled: 1,
            repetition: None,
            trial: None,
            pair: None,
            looks: false,
            profiler: None,
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

/// A run's place in a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Which pair it belongs to, from 1.
    pub number: usize,
    /// Which side of it it is.
    pub side: Side,
    /// What the side is called where its variant does not tell it: the load that it is put under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What is compared, the metric that decides first; all that is known if nothing is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before.
    A,
    /// After.
    B,
}
