//! What the child leaves for the parent.

use crate::file;
use crate::observations::SlowRequest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What was seen up to a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// Whether the profiler was stopped; if not, the run was killed after this was written.
    pub stopped: bool,
    /// How long it looked.
    pub wall_ns: u64,
    /// Time by spans, root first and parted by semicolons.
    pub stacks: BTreeMap<String, Weight>,
    /// Notes of tracing-flame that were not understood, or had no room.
    pub left_out: u64,
    /// Threads that are inside spans.
    pub inside: Vec<Inside>,
    /// The slowest of the spans that have a number.
    pub slow: Option<SlowRequest>,
    /// Whether that one has not ended.
    pub slow_is_open: bool,
    /// How many had a number.
    pub followed: u64,
}

/// What a stack of spans weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// How long threads were in it.
    pub ns: u64,
    /// In how many time slices.
    pub pieces: u64,
}

/// A thread that is inside spans: tracing-flame writes a line when it leaves or enters one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// The spans, root first and parted by semicolons.
    pub stack: String,
    /// Since when it has neither entered nor left one.
    pub ns: u64,
}

impl Raw {
    /// The file's name.
    pub const FILE: &str = "spans-raw.json";

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
