//! How a run ended: `outcome.json` of its parent, and `end.json` of the child itself.

use crate::Ending;
use serde::{Deserialize, Serialize};

/// How a run ended, as its parent saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The ending.
    pub ending: Ending,
    /// The error, the panic or the signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When the child was gone, on the clock of the request log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ns: Option<u64>,
    /// From the child's start to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_ms: Option<f64>,
    /// CPU time that the host took away during the run, where it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<Steal>,
    /// Cores that processes other than the run and the lab used meanwhile, on average, where it is
    /// reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_cores: Option<f64>,
    /// The name of the process among them that used most, if any used more than a tick or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest: Option<String>,
    /// What the run used, if it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What went wrong beside the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Outcome {
    /// The outcome of a run that has not ended.
    pub fn unfinished(text: &str) -> Outcome {
        Outcome {
            ending: Ending::Unfinished,
            text: Some(text.to_owned()),
            ended_ns: None,
            process_ms: None,
            steal: None,
            foreign_cores: None,
            busiest: None,
            usage: None,
            warnings: Vec::new(),
        }
    }
}

/// What a process used, as the kernel counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Most memory that it had at a time, in kilobytes.
    pub peak_memory_kb: u64,
    /// Most bytes that its allocator had given out at a time, if it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_live_bytes: Option<u64>,
    /// Switches from one of its threads to another one, wanted or not.
    pub switches: u64,
}

/// CPU time that the host of a virtual machine gave to others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steal {
    /// As a share of the time of all cores.
    pub share: f64,
    /// In milliseconds, added up over all cores.
    pub ms: f64,
}

/// How the variant's function ended. Absent when it did not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The error or panic, if the variant did not return `Ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What the process had used by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}
