//! The one table from dial9's red flags to the causes of `lab score`, with the reason of each line.
//!
//! A flag is a symptom or a cause. A symptom that says nothing about the code becomes a cause that
//! accuses no code, so that dial9 is not charged with an accusation that it does not make.

use lab_recording::Cause;

/// What dial9 reports, and what it is called in a score.
#[derive(Debug)]
pub struct Mapping {
    /// The name of the flag: `[long-poll]` in the output of `red_flag_scan.js`.
    pub flag: &'static str,
    /// The cause; none for a flag that is about the trace and not about the program.
    pub cause: Option<Cause>,
    /// Why.
    pub reason: &'static str,
}

const fn cause(flag: &'static str, cause: Cause, reason: &'static str) -> Mapping {
    Mapping { flag, cause: Some(cause), reason }
}

const fn none(flag: &'static str, reason: &'static str) -> Mapping {
    Mapping { flag, cause: None, reason }
}

/// Every flag of dial9 0.5.7. The reasons in quotes are from its documentation of the flags.
pub const FLAGS: &[Mapping] = &[
    cause(
        "long-poll",
        Cause::LongPoll,
        "\"blocks the worker from processing other tasks\"; if diagnose_long_poll.js finds that the \
         longest one was off the CPU, the next line is used in its place",
    ),
    cause(
        LONG_POLL_OFF_CPU,
        Cause::BlockingCall,
        "\"the worker thread was blocked synchronously inside the poll\"",
    ),
    cause(
        "task-leak",
        Cause::StuckTasks,
        "\"tasks are spawned but never complete\"; leak is memory, which this flag does not look at",
    ),
    cause(
        "blocking-calls",
        Cause::BlockingCall,
        "\"blocking system calls on the async runtime\"; that it also counts idle workers in epoll_wait \
         is its rule, and not for a score to mend",
    ),
    cause(
        "many-spans-per-poll",
        Cause::LongPoll,
        "\"usually a tight loop without yielding\"; without the tracing layer of dial9 it never occurs",
    ),
    cause(
        "sched-delay",
        Cause::Overload,
        "\"all workers are busy\": a symptom, which names no code",
    ),
    cause("queue-depth", Cause::Overload, "\"the runtime cannot keep up with incoming work\""),
    cause("cpu-contention", Cause::HostNoise, "\"the kernel is descheduling them\""),
    cause("kernel-sched-wait", Cause::HostNoise, "\"indicates CPU contention at the OS level\""),
    none("worker-imbalance", "of severity info, and no fault by itself"),
    none("span-duration-outlier", "of severity info, and about spans of the user"),
    none("unmatched-spans", "of severity info, and about spans of the user"),
    none("incomplete-file", "about the trace, not about the program"),
];

/// A long poll of which `diagnose_long_poll.js` says that it was off the CPU. Not a flag of its own.
pub const LONG_POLL_OFF_CPU: &str = "long-poll, off the CPU";

/// The line of a flag; none for one that dial9 0.5.7 does not have.
pub fn mapping(flag: &str) -> Option<&'static Mapping> {
    FLAGS.iter().find(|mapping| mapping.flag == flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_has_one_line_and_a_reason() {
        for (number, line) in FLAGS.iter().enumerate() {
            assert!(!line.reason.is_empty(), "{}", line.flag);
            let before = &FLAGS[..number];
            assert!(
                before.iter().all(|other| other.flag != line.flag),
                "{} is there twice",
                line.flag
            );
        }
        assert!(mapping("no such flag").is_none());
    }

    #[test]
    fn a_symptom_accuses_no_code() {
        let accuses = |flag| mapping(flag).and_then(|line| line.cause).is_some_and(Cause::accuses);
        for symptom in ["sched-delay", "queue-depth", "cpu-contention", "kernel-sched-wait"] {
            assert!(!accuses(symptom), "{symptom}");
        }
        for fault in ["long-poll", "task-leak", "blocking-calls", LONG_POLL_OFF_CPU] {
            assert!(accuses(fault), "{fault}");
        }
    }
}
