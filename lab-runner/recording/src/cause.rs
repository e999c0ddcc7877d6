//! Causes: the label of a faulty variant, and the result of the diagnosis.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The cause of a run's behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A poll that computes for so long that other tasks starve.
    LongPoll,
    /// A poll that blocks its worker in the kernel.
    BlockingCall,
    /// A combinator that polls its whole set of futures again for the few that can progress.
    QuadraticCombinator,
    /// A worker that waits although requests are there, because the one that was to look for them
    /// is in a poll.
    DriverStarvation,
    /// A blocking pool that is too small for its work.
    PoolExhausted,
    /// A blocking pool whose threads all wait for work that needs a thread of the same pool.
    PoolDeadlock,
    /// A runtime that is shut down from inside itself.
    SelfShutdown,
    /// A task that never yields: its worker runs nothing else, and its runtime cannot shut down.
    NeverYields,
    /// A poll that waits for a lock whose holder is stalled.
    LockAcrossStall,
    /// Tasks or threads that wait for each other in a cycle.
    Deadlock,
    /// Requests that await something for ever while the workers are idle.
    StuckTasks,
    /// A lock that was given to a future which its own task no longer polls.
    Futurelock,
    /// A part of a task that is ready and not polled, because the task awaits something else.
    StarvedInTask,
    /// A task that is polled again and again without an event.
    BusyLoop,
    /// A notification that wakes many tasks, of which most go back to waiting.
    WakeStorm,
    /// A stack that is too small for the code on it, or for a future.
    StackOverflow,
    /// A task that panics, so that its work is lost.
    Panic,
    /// Accepted work that is aborted.
    AbortedWork,
    /// Memory that is never freed.
    Leak,
    /// A load that a healthy service of this size cannot serve.
    Overload,
    /// CPU time that other processes took.
    HostNoise,
    /// No fault, as far as was checked.
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
            Cause::DriverStarvation => "driver starvation",
            Cause::PoolExhausted => "pool exhausted",
            Cause::PoolDeadlock => "deadlock in the blocking pool",
            Cause::SelfShutdown => "self-shutdown",
            Cause::NeverYields => "task that never yields",
            Cause::LockAcrossStall => "lock held across a stall",
            Cause::Deadlock => "deadlock",
            Cause::StuckTasks => "stuck tasks",
            Cause::Futurelock => "futurelock",
            Cause::StarvedInTask => "starved inside its task",
            Cause::BusyLoop => "busy loop",
            Cause::WakeStorm => "wake storm",
            Cause::StackOverflow => "stack overflow",
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
