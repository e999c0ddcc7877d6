//! What the child leaves for the parent: stacks of addresses, and what is needed to name and to
//! weigh them.

use crate::file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Stacks as they were sampled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// Whether the profiler was stopped; if not, the run was killed after this was written.
    pub stopped: bool,
    /// Samples asked for in a second of CPU time.
    pub hz: u64,
    /// Ticks of the kernel's timer in a second, which bound the samples; 0 where the kernel does
    /// not report it.
    pub tick_hz: u64,
    /// CPU time of the whole process while the profiler looked.
    pub cpu_ns: u64,
    /// How long it looked.
    pub wall_ns: u64,
    /// The program.
    pub executable: PathBuf,
    /// By what it is known again: its length and its last change, or zeros.
    pub stamp: (u64, u64),
    /// The text of its `/proc/self/maps`.
    pub maps: String,
    /// The stacks, each of one thread.
    pub stacks: Vec<Stack>,
}

/// A stack, and how often it was met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    /// What the thread is called.
    pub thread: String,
    /// How often.
    pub samples: u64,
    /// Where each call comes back to, innermost first.
    pub back: Vec<u64>,
}

impl Raw {
    /// The file's name.
    pub const FILE: &str = "cpu-raw.json";

    /// Writes it into the folder of its run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        file::replace(&folder.join(Raw::FILE), &serde_json::to_vec(self)?)
    }

    /// Reads what the child left.
    ///
    /// # Errors
    /// If it left nothing.
    pub fn read(folder: &Path) -> anyhow::Result<Raw> {
        file::read(&folder.join(Raw::FILE))
    }
}

/// Names of the lab's own threads begin with this: what they use is not the service's.
pub const OWN_THREADS: &str = "lab-";
