//! The ending of a run: `outcome.json` by the parent, and `end.json` by the child.

use crate::Ending;
use serde::{Deserialize, Serialize};

/// The ending of a run, by its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The ending.
    pub ending: Ending,
    /// Checksum of the spec of its run. Older labs wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<u64>,
    /// The error, the panic or the signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Time of the end of the child process, on the clock of the request log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ns: Option<u64>,
    /// Duration of the child process, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_ms: Option<f64>,
    /// CPU time that the hypervisor took during the run, where it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<Steal>,
    /// Mean number of cores that other processes used during the run, where it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_cores: Option<f64>,
    /// Name of the other process that used most CPU time, if any used more than a tick or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest: Option<String>,
    /// Resources of the process, if it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the host refused the run, in a sentence: memory, a thread, an open file, room on the
    /// disk. Then its ending says nothing about the variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Time in which the lab and the run were stopped from the terminal, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_ms: Option<f64>,
    /// Errors beside the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Outcome {
    /// The outcome of a run that has not ended.
    pub fn unfinished(text: &str) -> Outcome {
        Outcome {
            ending: Ending::Unfinished,
            spec: None,
            text: Some(text.to_owned()),
            ended_ns: None,
            process_ms: None,
            steal: None,
            foreign_cores: None,
            busiest: None,
            usage: None,
            refused: None,
            paused_ms: None,
            warnings: Vec::new(),
        }
    }
}

/// Resources of a process, as counted by the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Peak of resident memory, in kilobytes.
    pub peak_memory_kb: u64,
    /// Peak of allocated bytes, if the allocator counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_live_bytes: Option<u64>,
    /// Number of context switches, voluntary and involuntary.
    pub switches: u64,
}

/// CPU time that the hypervisor gave to other guests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steal {
    /// As a share of the time of all cores.
    pub share: f64,
    /// In milliseconds, added up over all cores.
    pub ms: f64,
}

/// The end of the variant's function. Absent if it did not end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The error or panic, if the variant did not return `Ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Resources of the process up to then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}
