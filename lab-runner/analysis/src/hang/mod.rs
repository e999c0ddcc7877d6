//! Why a run hangs, from its post-mortem: what every thread did when time was up, which tasks were
//! left, and from these who waits for whom. Pure.

mod explain;
mod graph;
mod groups;
mod lines;
pub mod roles;
#[cfg(test)]
mod tests;
mod words;

pub use explain::explain;
pub use groups::{Groups, TaskGroup, ThreadGroup, groups};
pub use lines::lines;

use lab_recording::frame::Frame;
use serde::{Deserialize, Serialize};

/// The explanation of a post-mortem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// How it ends.
    pub shape: Shape,
    /// The chain of waits, each a clause with source lines that begins with the waiting
    /// thread or task.
    pub steps: Vec<String>,
    /// The function that closes the cycle, or that never gives way; none if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Frame>,
    /// The lock in it that a thread waits for, if there is one.
    #[serde(default)]
    pub has_lock: bool,
    /// Whether the end of a runtime is waited for in it.
    #[serde(default)]
    pub has_runtime: bool,
}

/// How a chain of waiting ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Where it began.
    Cycle,
    /// In code that computes and never gives way.
    NeverYields,
    /// With tasks that wait for events of the outside: nothing that could be called a deadlock.
    NoCycle,
}
