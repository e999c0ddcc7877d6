//! The activity of a thread in a poll, by its stack.

use crate::stacks::runtime_frames::{Functions, LOCK, Named, RUNTIME_END, TURNS_AWAY, WRITE_LOCK};
use crate::stacks::stalls::is_of_runtime;
use crate::stacks::symbols::Symbols;
use crate::stacks::{combines, culprit, culprit_of_block_on, is_own_frame, without_closures};
use lab_recording::frame::Frame;
use lab_recording::stall::format::OUTSIDE_TASKS;
use lab_recording::stall::{Recording, Sample};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// File of [`InPolls`] in the folder of a run whose polls were sampled.
pub const IN_POLLS: &str = "in-polls.json";

/// How long polls of one function did one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InPolls {
    /// The function, closures left out.
    pub function: String,
    /// The source file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line that was seen most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What.
    pub doing: Doing,
    /// For how long, in milliseconds.
    pub ms: f64,
}

/// The activity of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// It computes.
    Computes,
    /// It polls the set of a combinator.
    Combines,
    /// Of that, what tokio does to a future that it turns away, for the budget is spent: the poll
    /// was in vain.
    TurnsAway,
    /// It waits in the kernel.
    WaitsInKernel,
    /// It waits for a lock of threads.
    WaitsForLock,
    /// It waits for a runtime to end.
    EndsRuntime,
    /// It waits for a core.
    WaitsForCore,
}

/// Whether one of these functions is called by the innermost user code: what that code calls is
/// what it does, and frames further out belong to whoever called it.
fn is_called(stack: &[Frame], table: &[Functions]) -> bool {
    stack
        .iter()
        .take_while(|frame| !is_own_frame(frame))
        .any(|frame| Named::new(frame).is_in(table))
}

/// Whether a stack waits for a lock of threads.
pub fn waits_for_lock(stack: &[Frame]) -> bool {
    is_called(stack, LOCK)
}

/// Whether a stack waits to write what a lock of threads protects.
pub fn waits_to_write(stack: &[Frame]) -> bool {
    is_called(stack, WRITE_LOCK)
}

/// Whether a stack waits for the end of a runtime.
pub fn ends_runtime(stack: &[Frame]) -> bool {
    is_called(stack, RUNTIME_END)
}

fn doing(stack: &[Frame], sample: &Sample) -> Doing {
    match (sample.on_cpu, sample.in_syscall) {
        _ if ends_runtime(stack) => Doing::EndsRuntime,
        _ if waits_for_lock(stack) => Doing::WaitsForLock,
        (false, true) => Doing::WaitsInKernel,
        (false, false) => Doing::WaitsForCore,
        _ if combines(stack).is_none() => Doing::Computes,
        _ if turns_away(stack) => Doing::TurnsAway,
        _ => Doing::Combines,
    }
}

/// Whether tokio makes a future yield: in a library, or below user code that called it.
fn turns_away(stack: &[Frame]) -> bool {
    stack.iter().any(|frame| Named::new(frame).is_in(TURNS_AWAY))
}

/// The sampled time of one function in one activity.
#[derive(Default)]
struct FunctionTime {
    ms: f64,
    /// The same at each place in the function.
    at: HashMap<(Option<String>, Option<u32>), f64>,
}

impl FunctionTime {
    fn into_in_polls(self, function: String, doing: Doing) -> InPolls {
        let most =
            self.at.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        let (file, line) = most.map(|(at, _)| at).unwrap_or_default();
        InPolls { function, file, line, doing, ms: self.ms }
    }
}

/// Sums the samples, the longest first. Samples without user code are left out.
pub fn in_polls(recording: &Recording, symbols: &mut Symbols) -> Vec<InPolls> {
    let tick_ms = 1_000.0 / recording.hz.max(1) as f64;
    let mut seen: BTreeMap<(String, Doing), FunctionTime> = BTreeMap::new();
    for sample in &recording.samples {
        if !is_of_runtime(sample, symbols) {
            continue;
        }
        let stack = symbols.stack(&sample.frames);
        let doing = doing(&stack, sample);
        let frame = match doing {
            Doing::Combines | Doing::TurnsAway => combines(&stack),
            _ if sample.task == OUTSIDE_TASKS => culprit_of_block_on(&stack),
            _ => culprit(&stack),
        };
        let Some(frame) = frame else { continue };
        let seen = seen.entry((without_closures(&frame.function), doing)).or_default();
        let more = f64::from(sample.ticks) * tick_ms;
        seen.ms += more;
        *seen.at.entry((frame.file.clone(), frame.line)).or_default() += more;
    }
    let mut all: Vec<InPolls> = seen
        .into_iter()
        .map(|((function, doing), seen)| seen.into_in_polls(function, doing))
        .collect();
    all.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(functions: &[&str]) -> Vec<Frame> {
        let frame =
            |function: &&str| Frame { function: (*function).to_owned(), file: None, line: None };
        functions.iter().map(frame).collect()
    }

    #[test]
    fn a_poll_that_waits_for_parking_lot_waits_for_a_lock() {
        let waits = stack(&[
            "syscall",
            "parking_lot_core::parking_lot::park",
            "parking_lot::raw_rwlock::RawRwLock::lock_exclusive_slow",
            "lock_api::rwlock::RwLock<R,T>::write",
            "my_app::save::{{closure}}",
        ]);
        assert!(waits_for_lock(&waits));
    }

    #[test]
    fn user_code_with_the_name_of_a_lock_waits_for_none() {
        for own in
            ["my_app::lock_slow_query", "my_app::lock_contended", "my_app::sys::sync::mutex::lock"]
        {
            assert!(
                !waits_for_lock(&stack(&["read", own, "my_app::report::{{closure}}"])),
                "{own}"
            );
        }
        let outside =
            stack(&["my_app::spin", "std::sync::poison::mutex::Mutex<T>::lock", "my_app::f"]);
        assert!(!waits_for_lock(&outside), "user code that runs waits for nothing");
    }

    #[test]
    fn only_tokios_pool_ends_a_runtime() {
        assert!(ends_runtime(&stack(&[
            "futex",
            "tokio::runtime::blocking::shutdown::Receiver::wait",
            "my_app::stop"
        ])));
        assert!(!ends_runtime(&stack(&[
            "futex",
            "my_app::BlockingPool::shutdown",
            "my_app::stop"
        ])));
    }
}
