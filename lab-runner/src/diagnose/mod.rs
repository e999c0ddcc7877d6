//! What is wrong with a run: from what was measured and what lenses saw to findings, each with cause, place, evidence, cost and remedy.
//! Pure.

pub(crate) mod doing;

use crate::analysis::Analysis;
use crate::hang::PostMortem;
use crate::lens::threads::Panic;
use crate::profile::Profile;
use serde::Serialize;

/// All that is known of one run: the same variant under the same load, measured, and looked into by lenses in runs of their own.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The run that was measured; none where only lenses looked.
    pub measured: Option<&'a Analysis>,
    /// What lenses saw of it.
    pub profiles: &'a [Profile],
    /// What the measured run was at when it was killed at its deadline.
    pub post_mortem: Option<&'a PostMortem>,
    /// The panics of the measured run.
    pub panics: &'a [Panic],
    /// The crate whose code is the scenario's own, if that is known; else all code that is surely nobody else's.
    pub own_crate: Option<&'a str>,
}

/// What a diagnosis comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// What was found, the costliest first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub looked_at: Vec<String>,
    /// What was not, and why: `long polls: the lens stall did not run`.
    pub not_looked_at: Vec<String>,
}

/// A cause that is named.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// The function to blame, its crate first, closures left out; none where there is no one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The source file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What it cost.
    pub cost: Cost,
    /// What shows it, each a clause with its numbers.
    pub evidence: Vec<String>,
    /// What would show that it is something else.
    pub refuted_by: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// The chapter of the book.
    pub chapter: &'static str,
}

/// What a cause cost. What is not known is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Milliseconds of waiting, of all who waited together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// Requests that it hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

/// What can be wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A poll that computes for so long that others starve.
    LongPoll,
    /// A poll that waits in the kernel, and its worker with it.
    BlockingCall,
    /// A combinator that polls all its children again and again for the few that can go on.
    QuadraticCombinator,
    /// A blocking pool too small for what is handed to it.
    PoolExhausted,
    /// A runtime that is ended from inside itself.
    SelfShutdown,
    /// A runtime that cannot end because a task never yields.
    NeverYields,
    /// A lock that is held while something stalls, and that a poll waits for.
    LockAcrossStall,
    /// Tasks or threads that wait for each other in a circle.
    Deadlock,
    /// Work that was accepted and is cut off.
    AbortedWork,
    /// Memory that is kept for good.
    Leak,
    /// More is asked than a healthy service of this size can do.
    Overload,
    /// The machine: others had its cores.
    MachineNoise,
    /// Nothing is wrong, as far as was looked.
    Healthy,
    /// It cannot be told.
    NotEnoughEvidence,
}

/// Diagnoses a run.
pub fn diagnose(_case: &Case<'_>) -> Diagnosis {
    Diagnosis::default()
}
