//! Signs: the measures of a suspect, so that rules can be data.

use crate::units::{memory, percent, time_ms};

/// A measure of a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// The longest poll, without its waiting for a core, in milliseconds.
    LongestPollMs,
    /// The longest poll, as a share of the poll time of one task of its kind.
    ShareOfTask,
    /// The share of the time of these polls on the CPU.
    Computes,
    /// The share of the time of these polls blocked in the kernel.
    InKernel,
    /// The time that these polls were blocked in the kernel, in milliseconds.
    InKernelMs,
    /// The share of the time of these polls waiting for a lock.
    AtLock,
    /// The share of the time of these polls waiting for runtime shutdown.
    EndsRuntime,
    /// The mean delay that these polls impose on other tasks, in milliseconds.
    InflictedMeanMs,
    /// The delay imposed on other tasks, as a share of all waiting.
    InflictedShare,
    /// The share of a function's CPU time inside the set of a combinator.
    Combines,
    /// The share of the time in the set during which tokio makes futures yield, because the
    /// budget is spent.
    TurnsAway,
    /// Polls that ended with a spent budget.
    SpentPolls,
    /// Time in the set for each budget, in milliseconds.
    PerBudgetMs,
    /// Polls per item of a batch.
    PollsPerPiece,
    /// The time in which the pool had queued work, no idle thread and no new thread, in
    /// milliseconds.
    QueuedMs,
    /// The time that a thread of a runtime was blocked in runtime shutdown, in
    /// milliseconds.
    StoodMs,
    /// Whether there is a wait-for cycle that includes a runtime shutdown.
    CycleWithRuntime,
    /// Whether there is a wait-for cycle without a runtime shutdown.
    Cycle,
    /// Whether runtime shutdown waits for code that never yields.
    WaitsForComputing,
    /// Whether tokio refused to shut a runtime down there, with a panic.
    RuntimeRefused,
    /// The number of requests that awaited one place when the load was over.
    Stuck,
    /// The longest of these waits, in milliseconds.
    StuckMs,
    /// The share of their time in which workers were in no poll.
    Asleep,
    /// Tasks that await a lock while a part of them, which has it or is next to get it, is not
    /// polled.
    Unpolled,
    /// The mean time that a part of a future was not polled, in milliseconds.
    StarvedMeanMs,
    /// That time as a share of all waiting of these futures.
    StarvedShare,
    /// Polls of a task kind for each answered request.
    PollsPerRequest,
    /// The mean of these polls, in microseconds.
    MeanPollUs,
    /// The time of a worker that these polls took, as a share of its time.
    SpinShare,
    /// The number of threads that waited for a lock when the run stopped waiting for answers, while
    /// no other thread was in a poll.
    Locked,
    /// The shortest of these waits, in milliseconds.
    LockedMs,
    /// Whether a thread of the process had no room left on its stack.
    StackFull,
    /// The number of panicked tasks.
    Panics,
    /// The number of accepted requests that were dropped.
    CutOff,
    /// Memory at the end of the load, divided by that after its first sixth.
    Grown,
    /// The number of sixths of the load in which memory grew.
    GrowingSixths,
    /// Bytes that remain per operation.
    BytesPerOp,
    /// The number of requests without an answer at the end.
    Unanswered,
    /// The share of their time in which workers were inside polls.
    Busy,
    /// The share of the host's CPU time that the hypervisor took.
    Stolen,
    /// Cores that other processes used.
    ForeignCores,
    /// The share of all waiting during which a thread waited for a core.
    NoCore,
    /// Whether the load generator missed its schedule.
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
                format!("one poll did {} of the work of a task of this kind", percent(value))
            }
            Sign::Computes => {
                format!("these polls spent {} of their time on the CPU", percent(value))
            }
            Sign::InKernel => {
                format!("these polls spent {} of their time blocked in the kernel", percent(value))
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
            Sign::Stuck if value < 1.5 => {
                "a request still awaited this when the load was over".into()
            }
            Sign::Stuck => count("requests still awaited this when the load was over"),
            Sign::StuckMs => format!("the longest of these waits had lasted {}", time_ms(value)),
            Sign::Asleep => {
                format!("workers were in no poll for {} of their time", percent(value))
            }
            Sign::Unpolled if value < 1.5 => {
                "a task awaits a lock while a part of it that is ready is not polled".into()
            }
            Sign::Unpolled => {
                count("tasks await a lock while a part of each that is ready is not polled")
            }
            Sign::StarvedMeanMs => {
                format!("a part of the task was not polled for {} on average", time_ms(value))
            }
            Sign::StarvedShare => {
                format!("that is {} of all waiting of these tasks", percent(value))
            }
            Sign::PollsPerRequest => {
                format!("{value:.0} polls of such a task for each answered request")
            }
            Sign::MeanPollUs => format!("a poll took {value:.2} µs on average"),
            Sign::SpinShare => {
                format!("these polls kept a worker awake for {} of the time", percent(value))
            }
            Sign::Locked if value < 1.5 => {
                "a worker waited for a lock until the end, and no other one was in a poll".into()
            }
            Sign::Locked => format!(
                "{value:.0} workers waited for locks until the end, and no other one was in a poll"
            ),
            Sign::LockedMs => format!("each of them for {} at least", time_ms(value)),
            Sign::StackFull => "a thread had no room left on its stack".into(),
            Sign::Panics if value < 1.5 => "a task panicked".into(),
            Sign::Panics => format!("tasks panicked {value:.0} times"),
            Sign::CutOff => count("accepted requests were dropped without an answer"),
            Sign::Grown => format!(
                "memory at the end of the load was {value:.1} times that after its first sixth"
            ),
            Sign::GrowingSixths => {
                format!("memory grew in {value:.0} of the last 5 sixths of the load")
            }
            Sign::BytesPerOp => format!("{} remain per operation", memory(value)),
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
