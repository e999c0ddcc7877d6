//! What a thread does in a poll, by its stack: the words between samples and suspicion.

use crate::stacks::symbols::Symbols;
use crate::stacks::{combines, culprit, without_closures};
use lab_recording::frame::Frame;
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

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// It computes.
    Computes,
    /// It polls the set of a combinator.
    Combines,
    /// Of that, what tokio does to a future that it turns away, for the budget is spent: the poll was in vain.
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

/// What tokio runs for a future that finds the budget spent.
const TURNS_AWAY: [&str; 3] = ["poll_proceed", "register_waker", "Defer::defer"];
/// Where threads wait for locks, in the standard library and in `parking_lot`.
const LOCKS: [&str; 5] = ["lock_contended", "read_contended", "write_contended", "lock_slow", "lock_shared_slow"];
/// Where threads wait for the end of a runtime.
const ENDS: [&str; 2] = ["BlockingPool::shutdown", "runtime::blocking::shutdown::Receiver::wait"];
/// The same by its file, for functions that were inlined and lost their path.
const ENDS_IN: &str = "runtime/blocking/shutdown.rs";

fn has(stack: &[Frame], parts: &[&str]) -> bool {
    stack.iter().any(|frame| parts.iter().any(|part| frame.function.contains(part)))
}

/// Whether a stack waits for a lock of threads.
pub fn waits_for_lock(stack: &[Frame]) -> bool {
    has(stack, &LOCKS)
}

/// Whether a stack waits for the end of a runtime.
pub fn ends_runtime(stack: &[Frame]) -> bool {
    let is_in = |frame: &Frame| frame.file.as_ref().is_some_and(|file| file.ends_with(ENDS_IN));
    has(stack, &ENDS) || stack.iter().any(is_in)
}

fn doing(stack: &[Frame], sample: &Sample) -> Doing {
    match (sample.on_cpu, sample.in_syscall) {
        _ if ends_runtime(stack) => Doing::EndsRuntime,
        _ if waits_for_lock(stack) => Doing::WaitsForLock,
        (false, true) => Doing::WaitsInKernel,
        (false, false) => Doing::WaitsForCore,
        _ if combines(stack).is_none() => Doing::Computes,
        _ if has(stack, &TURNS_AWAY) => Doing::TurnsAway,
        _ => Doing::Combines,
    }
}

/// What was seen of one function doing one thing.
#[derive(Default)]
struct Seen {
    ms: f64,
    /// The same at each place in the function.
    at: HashMap<(Option<String>, Option<u32>), f64>,
}

impl Seen {
    fn told(self, function: String, doing: Doing) -> InPolls {
        let most = self.at.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        let (file, line) = most.map(|(at, _)| at).unwrap_or_default();
        InPolls { function, file, line, doing, ms: self.ms }
    }
}

/// Adds up what was sampled, the longest first. Samples without anybody's own code are left out.
pub fn in_polls(recording: &Recording, symbols: &mut Symbols) -> Vec<InPolls> {
    let tick_ms = 1_000.0 / recording.hz.max(1) as f64;
    let mut seen: BTreeMap<(String, Doing), Seen> = BTreeMap::new();
    for sample in &recording.samples {
        let stack = symbols.stack(&sample.frames);
        let doing = doing(&stack, sample);
        let in_set = matches!(doing, Doing::Combines | Doing::TurnsAway);
        let Some(frame) = (if in_set { combines(&stack) } else { culprit(&stack) }) else { continue };
        let seen = seen.entry((without_closures(&frame.function), doing)).or_default();
        let more = f64::from(sample.ticks) * tick_ms;
        seen.ms += more;
        *seen.at.entry((frame.file.clone(), frame.line)).or_default() += more;
    }
    let mut all: Vec<InPolls> = seen.into_iter().map(|((function, doing), seen)| seen.told(function, doing)).collect();
    all.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    all
}
