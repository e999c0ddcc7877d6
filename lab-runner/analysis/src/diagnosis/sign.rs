//! What a suspect can show: measures with names and units, so that rules can be data.

use crate::units::{percent, time_ms};

/// A measure of a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// The longest poll, without what it waited for a core, in milliseconds.
    LongestPollMs,
    /// The longest poll, as a share of all that a task of its kind is polled for.
    ShareOfTask,
    /// The share of these polls that computes.
    Computes,
    /// The share of these polls that waits in the kernel.
    InKernel,
    /// What these polls waited in the kernel, in milliseconds.
    InKernelMs,
    /// The share of these polls that waits for a lock.
    AtLock,
    /// The share of these polls that waits for the end of a runtime.
    EndsRuntime,
    /// What others waited for these polls in the mean, in milliseconds.
    InflictedMeanMs,
    /// The same, as a share of all waiting.
    InflictedShare,
    /// The share of a function's time on the CPU that is in the set of a combinator.
    Combines,
    /// Of that, the share in which tokio turns futures away.
    TurnsAway,
    /// Polls that ended with a spent budget.
    SpentPolls,
    /// Time in the set for each budget, in milliseconds.
    PerBudgetMs,
    /// Polls of each piece of a batch.
    PollsPerPiece,
    /// For how long a pool had work waiting, no thread idle and no thread more, in milliseconds.
    QueuedMs,
    /// For how long a thread of a runtime stood in the end of a runtime, in milliseconds.
    StoodMs,
    /// Whether a chain of waiting ends where it began, with the end of a runtime in it.
    CycleWithRuntime,
    /// Whether it does so without a runtime.
    Cycle,
    /// Whether the end of a runtime waits for code that never gives way.
    WaitsForComputing,
    /// Whether tokio refused to end a runtime there, with a panic.
    RuntimeRefused,
    /// How often a task panicked.
    Panics,
    /// Requests that were accepted and cut off.
    CutOff,
    /// Memory at the end of the load, by that at a sixth of it.
    Grown,
    /// The sixths of the load in which memory grew.
    GrowingSixths,
    /// Bytes that an operation leaves behind.
    BytesPerOp,
    /// Requests that were not answered in the end.
    Unanswered,
    /// The share of their time in which workers were inside polls.
    Busy,
    /// The share of the machine's time that its host took away.
    Stolen,
    /// Cores that others used.
    ForeignCores,
    /// The share of all waiting in which a thread waited for a core.
    NoCore,
    /// Whether the generator could not keep its schedule.
    PacerFailed,
}

impl Sign {
    /// The measure in words.
    pub fn in_words(self, value: f64) -> String {
        let count = |what: &str| format!("{value:.0} {what}");
        match self {
            Sign::LongestPollMs => format!("longest poll {}", time_ms(value)),
            Sign::ShareOfTask if value >= 1.0 => {
                "a task of this kind does all its work in one poll".into()
            }
            Sign::ShareOfTask => {
                format!("one poll is {} of all the work of a task of this kind", percent(value))
            }
            Sign::Computes => {
                format!("{} of the time of these polls is on the CPU", percent(value))
            }
            Sign::InKernel => {
                format!("{} of the time of these polls is blocked in the kernel", percent(value))
            }
            Sign::InKernelMs => {
                format!("these polls were blocked in the kernel for {}", time_ms(value))
            }
            Sign::AtLock => {
                format!("{} of the time of these polls is waiting for a lock", percent(value))
            }
            Sign::EndsRuntime => {
                format!(
                    "{} of the time of these polls is waiting for a runtime to shut down",
                    percent(value)
                )
            }
            Sign::InflictedMeanMs => {
                format!("mean delay imposed on other tasks: {}", time_ms(value))
            }
            Sign::InflictedShare => format!("{} of all waiting for a worker", percent(value)),
            Sign::Combines => format!("{} of its CPU time is in a combinator", percent(value)),
            Sign::TurnsAway => {
                format!(
                    "{} of that is polls without progress, because the task budget is spent",
                    percent(value)
                )
            }
            Sign::SpentPolls => count("polls ended with a spent task budget"),
            Sign::PerBudgetMs => format!("the set takes {} per 128 operations", time_ms(value)),
            Sign::PollsPerPiece => format!("each item is polled {value:.1} times"),
            Sign::QueuedMs => {
                format!(
                    "work waited {} for a thread while no thread was idle or started",
                    time_ms(value)
                )
            }
            Sign::StoodMs => format!(
                "a thread of the runtime was blocked for {} in runtime shutdown",
                time_ms(value)
            ),
            Sign::CycleWithRuntime => "runtime shutdown waits for itself".into(),
            Sign::Cycle => "the waits form a wait-for cycle".into(),
            Sign::WaitsForComputing => {
                "runtime shutdown waits for a task that computes and never yields".into()
            }
            Sign::RuntimeRefused => {
                "tokio refused to shut the runtime down there, with a panic".into()
            }
            Sign::Panics if value < 1.5 => "a task panicked".into(),
            Sign::Panics => format!("tasks panicked {value:.0} times"),
            Sign::CutOff => count("accepted requests were dropped without an answer"),
            Sign::Grown => format!("memory grew {value:.2}-fold after the first sixth of the load"),
            Sign::GrowingSixths => {
                format!("memory grew in {value:.0} of the last 5 sixths of the load")
            }
            Sign::BytesPerOp => format!("{value:.0} bytes remain per operation"),
            Sign::Unanswered => count("requests had no answer when the run ended"),
            Sign::Busy => format!("workers were inside polls for {} of their time", percent(value)),
            Sign::Stolen => {
                format!("the hypervisor took {} of this host's CPU time", percent(value))
            }
            Sign::ForeignCores => format!("other processes used {value:.2} cores meanwhile"),
            Sign::NoCore => format!("{} of all waiting is for a CPU core", percent(value)),
            Sign::PacerFailed => "the load generator could not keep its schedule".into(),
        }
    }
}
