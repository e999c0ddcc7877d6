//! What can be wrong with a program: the label of a variant, and the answer of the diagnosis.

use serde::Serialize;
use std::fmt;

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
    /// Tasks or threads that wait for each other in a cycle.
    Deadlock,
    /// A task that panics, and its work with it.
    Panic,
    /// Work that was accepted and is cut off.
    AbortedWork,
    /// Memory that is kept for good.
    Leak,
    /// More is asked than a healthy service of this size can do.
    Overload,
    /// The machine: others had its cores.
    HostNoise,
    /// Nothing is wrong, as far as was looked.
    Healthy,
    /// Undecided.
    NotEnoughEvidence,
}

impl Cause {
    /// Whether it is a fault of the code.
    pub fn accuses(self) -> bool {
        !matches!(
            self,
            Cause::Overload | Cause::HostNoise | Cause::Healthy | Cause::NotEnoughEvidence
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cause::LongPoll => "long poll",
            Cause::BlockingCall => "blocking call",
            Cause::QuadraticCombinator => "quadratic combinator",
            Cause::PoolExhausted => "pool exhausted",
            Cause::SelfShutdown => "self-shutdown",
            Cause::NeverYields => "task that never yields",
            Cause::LockAcrossStall => "lock held across a stall",
            Cause::Deadlock => "deadlock",
            Cause::Panic => "panic of a task",
            Cause::AbortedWork => "work cut off",
            Cause::Leak => "leak",
            Cause::Overload => "overload",
            Cause::HostNoise => "host noise",
            Cause::Healthy => "healthy",
            Cause::NotEnoughEvidence => "not enough evidence",
        })
    }
}
