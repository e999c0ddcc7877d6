//! What a score's folder says of itself: which runs there are, and which were left out.

use serde::{Deserialize, Serialize};

/// One run of a score: everything that differs from its scenario's own, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Its folder, in that of the score.
    pub folder: String,
    /// The scenario.
    pub scenario: String,
    /// The variant.
    pub variant: String,
    /// Seed of the data and of the order.
    pub seed: u64,
    /// `own`, or `half` of the rate, of a batch half of the size.
    pub load: String,
    /// Worker threads of the load.
    pub workers: usize,
    /// Whether others kept a part of the machine busy.
    pub neighbour: bool,
    /// From the start of its first run to its findings, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_ms: Option<f64>,
    /// The first line that the external scanner printed, or `crashed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
}

/// What is not among the runs, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The fault cannot show with so many workers.
    pub label_does_not_hold: usize,
    /// The scenario refuses the load.
    pub refused: usize,
    /// There was no time.
    pub no_time: usize,
}

/// The file of a score: `score.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Layout of the file.
    pub format: u32,
    /// Whether the whole matrix was asked for.
    pub thorough: bool,
    /// What was left out.
    pub left_out: LeftOut,
    /// The command of another scanner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
    /// The versions that the scanner reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner_versions: Option<String>,
    /// The runs that were started, in order.
    pub cells: Vec<Cell>,
}

impl Recorded {
    /// The layout that this lab writes.
    pub const FORMAT: u32 = 1;
    /// The file's name.
    pub const FILE: &str = "score.json";

    /// How many cells would have been run with time for all.
    pub fn planned(&self) -> usize {
        self.cells.len().saturating_add(self.left_out.no_time)
    }
}
