//! The recording of the profiler `cpu`, from child to parent: stacks of addresses, with the data
//! that resolves and weights them.

use crate::file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Stacks before their addresses have names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// Whether the profiler was stopped; if not, the run was killed after this was written.
    pub stopped: bool,
    /// Samples requested per second of CPU time.
    pub hz: u64,
    /// Ticks of the kernel's timer per second, an upper bound of the samples; 0 if unknown.
    pub tick_hz: u64,
    /// CPU time of the whole process while the profiler ran, in nanoseconds.
    pub cpu_ns: u64,
    /// Wall time for which the profiler ran, in nanoseconds.
    pub wall_ns: u64,
    /// Path of the program.
    pub executable: PathBuf,
    /// The program's length in bytes and its last change in nanoseconds since 1970; zeros if
    /// unknown.
    pub stamp: (u64, u64),
    /// The text of the program's `/proc/self/maps`.
    pub maps: String,
    /// Stacks with their threads.
    pub stacks: Vec<Stack>,
}

/// A stack of a thread, with its number of samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    /// Name of the thread.
    pub thread: String,
    /// Number of samples.
    pub samples: u64,
    /// Return addresses, innermost first.
    pub back: Vec<u64>,
}

impl Raw {
    /// The file's name.
    pub const FILE: &str = "cpu-raw.json";

    /// Writes the file into the folder of a run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        file::replace(&folder.join(Raw::FILE), &serde_json::to_vec(self)?)
    }

    /// Reads the file of a run.
    ///
    /// # Errors
    /// If the file is missing or damaged.
    pub fn read(folder: &Path) -> anyhow::Result<Raw> {
        file::read(&folder.join(Raw::FILE))
    }
}

/// Prefix of the names of the lab's own threads, whose CPU time is not the service's.
pub const OWN_THREADS: &str = "lab-";
