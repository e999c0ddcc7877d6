//! A post-mortem: every thread, task, lock and runtime of a process at its deadline.
//!
//! The child knows its stacks as addresses, the parent gives them names. One type serves both: its
//! parameter is what a stack is, [`Addresses`] or `Vec<Frame>`.

use crate::frame::Frame;
use serde::{Deserialize, Serialize};

/// Name of a resolved post-mortem in the folder of its run.
pub const POST_MORTEM: &str = "post-mortem.json";

/// A stack before its frames have names: return addresses, innermost first.
pub type Addresses = Vec<u64>;

/// Threads, tasks, locks and runtimes of a process at its deadline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PostMortem<S = Vec<Frame>> {
    /// From the signal to the last thread's answer, in milliseconds.
    pub took_ms: f64,
    /// Its threads, in the order of their numbers; those of the lab are left out.
    pub threads: Vec<Thread<S>>,
    /// Tasks that had not ended; none where their spawns were not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<LiveTask>>,
    /// Watched locks and channels that are held or waited for.
    #[serde(default)]
    pub watched: Vec<Watched>,
    /// The runtimes that the lab saw being built.
    #[serde(default)]
    pub runtimes: Vec<Runtime>,
    /// What idle tasks await, by tokio's task dump; empty in a build without the feature
    /// `taskdump`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dumped: Vec<Awaits>,
    /// What is missing: threads that did not answer, what the kernel does not report.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl<S> PostMortem<S> {
    /// The same with other stacks: with names instead of addresses.
    pub fn with_stacks<T>(self, mut name: impl FnMut(S) -> T) -> PostMortem<T> {
        PostMortem {
            took_ms: self.took_ms,
            threads: self.threads.into_iter().map(|thread| thread.with_stack(&mut name)).collect(),
            tasks: self.tasks,
            watched: self.watched,
            runtimes: self.runtimes,
            dumped: self.dumped,
            notes: self.notes,
        }
    }
}

/// A thread at the moment of a post-mortem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thread<S = Vec<Frame>> {
    /// Its number in the kernel.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// Its stack, innermost first; empty if it did not answer.
    pub stack: S,
    /// Whether the stack was the same a tenth of a second before.
    pub same_later: bool,
    /// What it used of a core between the two looks, from 0 to 1; none where the kernel does not
    /// report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_cpu: Option<f64>,
    /// The function of the kernel that it waits in, where that is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The number of the system call that it is in, where that is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscall: Option<u64>,
    /// The poll that it is inside of, where polls are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Polled>,
}

impl<S> Thread<S> {
    fn with_stack<T>(self, name: impl FnOnce(S) -> T) -> Thread<T> {
        Thread {
            tid: self.tid,
            name: self.name,
            stack: name(self.stack),
            same_later: self.same_later,
            on_cpu: self.on_cpu,
            channel: self.channel,
            syscall: self.syscall,
            poll: self.poll,
        }
    }
}

/// A poll that is going on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polled {
    /// The task's number.
    pub task: u64,
    /// For how long, in milliseconds.
    pub for_ms: f64,
}

/// A task that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LiveTask {
    /// Its number.
    pub number: u64,
    /// The runtime, by its number in the run.
    pub runtime: u8,
    /// The file and line of the spawn: `src/drive.rs:52`.
    pub place: String,
    /// Since it was spawned, in milliseconds.
    pub age_ms: f64,
    /// What it does.
    pub state: TaskState,
    /// Since its last poll began, in milliseconds; none if it was not polled while a profiler ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_poll_ms: Option<f64>,
}

/// What a task does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// It is inside a poll, on the thread with this number.
    Polled(u32),
    /// It is in no poll: it waits for an event, or for a worker.
    #[default]
    Waits,
}

/// A lock or a channel that is watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// What it is.
    pub kind: WatchedKind,
    /// Its name in the program.
    pub name: String,
    /// Where it was made: `src/drive.rs:52`.
    pub place: String,
    /// The holders; a channel has none.
    #[serde(default)]
    pub holders: Vec<Party>,
    /// Who waits for it.
    #[serde(default)]
    pub waiters: Vec<Party>,
    /// Who is on the other side of a channel: who could end the wait, as far as that is known.
    /// Empty for a lock.
    #[serde(default)]
    pub others: Vec<Party>,
}

/// Tasks that a dump is asked about: naming what one awaits takes longer than all else in a
/// post-mortem.
pub const MOST_AWAITS: usize = 32;

/// What an idle task awaits, from tokio's task dump.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Awaits {
    /// The task's number.
    pub task: u64,
    /// The trace as tokio prints it, line by line.
    pub trace: Vec<String>,
}

/// Kinds of what is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchedKind {
    /// A lock that blocks its thread.
    #[default]
    Lock,
    /// A lock that is awaited.
    AsyncLock,
    /// A bounded channel; senders wait while it is full, receivers while it is empty.
    Channel,
}

/// Who holds something or waits for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// The thread's number in the kernel.
    pub tid: u32,
    /// The task; none outside of tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u64>,
    /// Since when, in milliseconds.
    pub for_ms: f64,
    /// Where it asked for it: `src/drive.rs:52`.
    pub place: String,
}

/// A runtime, as far as the lab knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runtime {
    /// Its number in the run.
    pub number: u8,
    /// Its workers.
    pub workers: u64,
    /// Tasks that tokio counts; none once it has forgotten them.
    pub alive_tasks: u64,
    /// Tasks that wait for a thread of the blocking pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_queue: Option<u64>,
    /// Threads of the blocking pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_threads: Option<u64>,
}
