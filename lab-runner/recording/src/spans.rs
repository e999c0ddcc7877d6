//! The recording of the profiler `spans`, from child to parent.

use crate::file;
use crate::observations::SlowRequest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The sums up to a moment of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// Whether the profiler was stopped; if not, the run was killed after this was written.
    pub stopped: bool,
    /// Wall time for which the profiler ran, in nanoseconds.
    pub wall_ns: u64,
    /// Weights by stacks of spans, root first and separated by semicolons.
    pub stacks: BTreeMap<String, Weight>,
    /// Number of lines of tracing-flame that could not be parsed, or had no room.
    pub left_out: u64,
    /// Threads that are inside spans.
    pub inside: Vec<Inside>,
    /// The slowest of the followed spans.
    pub slow: Option<SlowRequest>,
    /// Whether the slowest span has not ended.
    pub slow_is_open: bool,
    /// Number of followed spans: those with a field `id`.
    pub followed: u64,
}

/// The weight of a stack of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// Time of threads in the stack, in nanoseconds.
    pub ns: u64,
    /// Number of time slices.
    pub pieces: u64,
}

/// A thread inside spans, with the time that is not yet in the weights: tracing-flame writes a line
/// only when a span is entered or left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// The spans, root first and separated by semicolons.
    pub stack: String,
    /// Time since the thread last entered or left a span, in nanoseconds.
    pub ns: u64,
}

impl Raw {
    /// The file's name.
    pub const FILE: &str = "spans-raw.json";

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
