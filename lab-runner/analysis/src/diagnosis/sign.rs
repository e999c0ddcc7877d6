//! Signs: the measures of a suspect, so that rules can be data.

use crate::units::{grouped, memory, percent, time_ms};

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
    /// How often another task waited for these polls.
    InflictedWaits,
    /// The delay imposed on other tasks, as a share of all waiting.
    InflictedShare,
    /// The time of the polls of 10 ms and more, as a share of all polls of these tasks.
    LongShare,
    /// The longest poll, divided by the median poll of the tasks that waited for it.
    OverService,
    /// The share of the waiting during these polls for which another worker slept.
    AsleepBeside,
    /// The share of the load for which one poll was open that had not ended when it was over.
    OpenShare,
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
    /// Polls of a task in each of which many futures were not ready.
    CrowdedPolls,
    /// How many futures were not ready in each of them.
    LeavesPerPoll,
    /// The time in which the pool had queued work, no idle thread and no new thread, in
    /// milliseconds.
    QueuedMs,
    /// The share of the pool's threads whose jobs wait for other code.
    PoolWaits,
    /// The shortest of these waits, in milliseconds.
    PoolWaitsMs,
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
    /// The longest of these waits, or the time since any wait for the same ended, whichever is
    /// shorter, in milliseconds.
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
    /// How many of these polls fit into a microsecond.
    PollsPerUs,
    /// The share of these polls that ended because the budget was spent: after 128 operations that
    /// were ready.
    SpentShare,
    /// Operations in these polls for each answered request.
    OpsPerRequest,
    /// How many of these operations fit into a microsecond.
    OpsPerUs,
    /// The time of a worker that these polls took, as a share of its time.
    SpinShare,
    /// Tasks of a kind that each answered request wakes.
    WokenTasks,
    /// The share of their polls after which they wait again.
    GoBack,
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
    /// The time for which a request waits for a worker, on average, in milliseconds.
    ForWorkerMs,
    /// The share of the host's CPU time that the hypervisor took.
    Stolen,
    /// Cores that other processes used.
    ForeignCores,
    /// The share of all waiting during which a thread waited for a core.
    NoCore,
    /// Whether the load generator missed its schedule.
    PacerFailed,
}

/// A sentence with the value of a sign in place of `{}`.
enum Phrase {
    /// A time in milliseconds.
    Time(&'static str),
    /// A share.
    Share(&'static str),
    /// A number of things: the sentence for one of them, and for several.
    Count(&'static str, &'static str),
    /// A number with so many decimals.
    Number(&'static str, usize),
    /// A number of bytes.
    Memory(&'static str),
    /// What is the case or not.
    Fact(&'static str),
}

use Phrase::{Count, Fact, Memory, Number, Share, Time};

impl Sign {
    /// The measure in words.
    pub fn in_words(self, value: f64) -> String {
        if self == Sign::ShareOfTask && value >= 1.0 {
            return "a task of this kind does all its work in one poll".to_owned();
        }
        let (sentence, number) = match self.phrase() {
            Time(sentence) => (sentence, time_ms(value)),
            Share(sentence) => (sentence, percent(value)),
            Count(one, _) if value < 1.5 => (one, "1".to_owned()),
            Count(_, many) => (many, grouped(value.round() as i64)),
            Number(sentence, decimals) => (sentence, format!("{value:.decimals$}")),
            Memory(sentence) => (sentence, memory(value)),
            Fact(sentence) => (sentence, String::new()),
        };
        sentence.replace("{}", &number)
    }

    fn phrase(self) -> Phrase {
        match self {
            Sign::LongestPollMs => Time("longest poll {}"),
            Sign::ShareOfTask => Share("one poll did {} of the work of a task of this kind"),
            Sign::Computes => Share("these polls spent {} of their time on the CPU"),
            Sign::InKernel => Share("these polls spent {} of their time blocked in the kernel"),
            Sign::InKernelMs => Time("these polls were blocked in the kernel for {}"),
            Sign::AtLock => Share("{} of the time of these polls is waiting for a lock"),
            Sign::EndsRuntime => {
                Share("{} of the time of these polls is waiting for a runtime to shut down")
            }
            Sign::InflictedMeanMs => Time("mean delay imposed on other tasks: {}"),
            Sign::InflictedWaits => {
                Count("another task waited for them once", "other tasks waited for them {} times")
            }
            Sign::InflictedShare => Share("{} of all waiting for a worker"),
            Sign::LongShare => Share("{} of the time of such tasks is in polls of 10 ms and more"),
            Sign::OverService => Number("{} times the median poll of the tasks that waited", 0),
            Sign::AsleepBeside => {
                Share("for {} of the waiting during these polls another worker slept")
            }
            Sign::OpenShare => {
                Share("one poll lasted for {} of the load, and had not ended when it was over")
            }
            Sign::Combines => Share("{} of its CPU time is in a combinator"),
            Sign::TurnsAway => {
                Share("{} of that is polls without progress, because the task budget is spent")
            }
            Sign::SpentPolls => Count(
                "one poll ended with a spent task budget",
                "{} polls ended with a spent task budget",
            ),
            Sign::PerBudgetMs => Time("the set takes {} per 128 operations"),
            Sign::PollsPerPiece => Number("each item is polled {} times", 1),
            Sign::CrowdedPolls => Number("{} polls of a task each polled many futures", 0),
            Sign::LeavesPerPoll => Number("of which {} were not ready, on average", 0),
            Sign::QueuedMs => {
                Time("work waited {} for a thread while no thread was idle or started")
            }
            Sign::PoolWaits => Share("{} of the threads of the pool wait in a job for other code"),
            Sign::PoolWaitsMs => {
                Time("each of them for {} at least, while work waits for a thread")
            }
            Sign::StoodMs => Time("a thread of the runtime was blocked for {} in runtime shutdown"),
            Sign::CycleWithRuntime => Fact("runtime shutdown waits for itself"),
            Sign::Cycle => Fact("the waits form a wait-for cycle"),
            Sign::WaitsForComputing => {
                Fact("runtime shutdown waits for a task that computes and never yields")
            }
            Sign::RuntimeRefused => {
                Fact("tokio refused to shut the runtime down there, with a panic")
            }
            Sign::Stuck => Count(
                "a request still waited inside of the program when the load was over",
                "{} requests still waited inside of the program when the load was over",
            ),
            Sign::StuckMs => Time("no wait of this kind had ended for {}"),
            Sign::Asleep => Share("workers were in no poll for {} of their time"),
            Sign::Unpolled => Count(
                "a task awaits a lock while a part of it that is ready is not polled",
                "{} tasks await a lock while a part of each that is ready is not polled",
            ),
            Sign::StarvedMeanMs => Time("a part of the task was not polled for {} on average"),
            Sign::StarvedShare => Share("that is {} of all waiting of these tasks"),
            Sign::PollsPerRequest => Number("{} polls of such a task for each answered request", 0),
            Sign::PollsPerUs => Number("polls so short that {} fit into a microsecond", 1),
            Sign::SpentShare => {
                Share("{} of these polls ended with a spent budget, 128 operations")
            }
            Sign::OpsPerRequest => Number("{} operations for each answered request", 0),
            Sign::OpsPerUs => Number("operations so short that {} fit into a microsecond", 1),
            Sign::SpinShare => Share("these polls kept a worker awake for {} of the time"),
            Sign::WokenTasks => Number("each answered request wakes {} such tasks", 0),
            Sign::GoBack => Share("after {} of these polls the task waits again"),
            Sign::Locked => Count(
                "a worker waited for a lock until the end, and no other one was in a poll",
                "{} workers waited for locks until the end, and no other one was in a poll",
            ),
            Sign::LockedMs => Time("each of them for {} at least"),
            Sign::StackFull => Fact("a thread had no room left on its stack"),
            Sign::Panics => Count("a task panicked", "tasks panicked {} times"),
            Sign::CutOff => Count(
                "one accepted request was dropped without an answer",
                "{} accepted requests were dropped without an answer",
            ),
            Sign::Grown => {
                Number("memory at the end of the load was {} times that after its first sixth", 1)
            }
            Sign::GrowingSixths => Number("memory grew in {} of the last 5 sixths of the load", 0),
            Sign::BytesPerOp => Memory("{} remain per operation"),
            Sign::Unanswered => Count(
                "one request had no answer when the run ended",
                "{} requests had no answer when the run ended",
            ),
            Sign::Busy => Share("workers were inside polls for {} of their time"),
            Sign::ForWorkerMs => Time("a request waited for a worker for {} on average"),
            Sign::Stolen => Share("the hypervisor took {} of this host's CPU time"),
            Sign::ForeignCores => Number("other processes used {} cores meanwhile", 2),
            Sign::NoCore => Share("{} of all waiting is for a CPU core"),
            Sign::PacerFailed => Fact("the load generator could not keep its schedule"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_its_value() {
        assert_eq!(Sign::Panics.in_words(1.0), "a task panicked");
        assert_eq!(Sign::Panics.in_words(4_000.0), "tasks panicked 4 000 times");
        assert_eq!(Sign::PollsPerPiece.in_words(2.25), "each item is polled 2.2 times");
        assert!(Sign::ShareOfTask.in_words(1.0).starts_with("a task of this kind does all"));
        assert_eq!(Sign::Cycle.in_words(1.0), "the waits form a wait-for cycle");
    }
}
