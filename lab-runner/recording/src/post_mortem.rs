//! A post-mortem: every thread, task, lock and runtime of a process at its deadline.
//!
//! The child records stacks of addresses, which the parent resolves to names. One type serves both:
//! its parameter is the type of a stack, [`Addresses`] or `Vec<Frame>`.

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
    /// The threads of the program, sorted by number.
    pub threads: Vec<Thread<S>>,
    /// Tasks that had not ended; absent if spawns were not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<LiveTask>>,
    /// Watched locks and channels that are held or waited for.
    #[serde(default)]
    pub watched: Vec<Watched>,
    /// The recorded runtimes.
    #[serde(default)]
    pub runtimes: Vec<Runtime>,
    /// Await points of idle tasks, by tokio's task dump; empty in a build without the feature
    /// `taskdump`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dumped: Vec<Awaits>,
    /// Missing parts, with the reasons: threads that did not answer, for example.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl<S> PostMortem<S> {
    /// Converts all stacks: addresses to names.
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

/// A thread in a post-mortem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thread<S = Vec<Frame>> {
    /// The thread's number in the kernel.
    pub tid: u32,
    /// The thread's name.
    pub name: String,
    /// The stack, innermost first; empty if the thread did not answer.
    pub stack: S,
    /// Whether the stack was the same in both thread dumps, a tenth of a second apart.
    pub same_later: bool,
    /// CPU time between the two dumps as a share of a core, from 0 to 1; absent if the kernel does
    /// not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_cpu: Option<f64>,
    /// The kernel function in which the thread waits, if it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The number of the system call of the thread, if it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscall: Option<u64>,
    /// The poll in progress on the thread, if polls are recorded.
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

/// A poll in progress.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polled {
    /// The task's number.
    pub task: u64,
    /// Length so far, in milliseconds.
    pub for_ms: f64,
}

/// A task that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LiveTask {
    /// The task's number.
    pub number: u64,
    /// The number of its runtime in the run.
    pub runtime: u8,
    /// The spawn location: `src/drive.rs:52`.
    pub place: String,
    /// Time since the spawn, in milliseconds.
    pub age_ms: f64,
    /// Whether the task is being polled.
    pub state: TaskState,
    /// Time since the start of its last poll, in milliseconds; absent if no poll was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_poll_ms: Option<f64>,
}

/// The state of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// The task is being polled on the thread with this number.
    Polled(u32),
    /// The task is not being polled: it waits for an event or for a worker.
    #[default]
    Waits,
}

/// A watched lock or channel, from `lab_kit::watched`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// Lock or channel.
    pub kind: WatchedKind,
    /// The name that the program gave it.
    pub name: String,
    /// Source location of its creation: `src/drive.rs:52`.
    pub place: String,
    /// The holders; a channel has none.
    #[serde(default)]
    pub holders: Vec<Party>,
    /// The waiters.
    #[serde(default)]
    pub waiters: Vec<Party>,
    /// The known users of the other end of a channel, who can end the wait. Empty for a lock.
    #[serde(default)]
    pub others: Vec<Party>,
}

/// Most tasks of a task dump: naming the frames of one takes longer than the rest of a post-mortem.
pub const MOST_AWAITS: usize = 32;

/// The await points of an idle task, from tokio's task dump.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Awaits {
    /// The task's number.
    pub task: u64,
    /// The trace as tokio prints it, line by line.
    pub trace: Vec<String>,
}

/// Kinds of watched objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchedKind {
    /// A lock that blocks the waiting thread.
    #[default]
    Lock,
    /// An async lock.
    AsyncLock,
    /// A bounded channel; senders wait while it is full, receivers while it is empty.
    Channel,
}

/// A holder, waiter or user of a watched object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// The thread's number in the kernel.
    pub tid: u32,
    /// The task; none outside of tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u64>,
    /// Time since it began to hold or to wait, in milliseconds.
    pub for_ms: f64,
    /// Source location of the call: `src/drive.rs:52`.
    pub place: String,
}

/// A runtime in a post-mortem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runtime {
    /// Number in the run.
    pub number: u8,
    /// Number of workers.
    pub workers: u64,
    /// Tokio's own count of live tasks; zero once the shutdown has begun.
    pub alive_tasks: u64,
    /// Tasks that wait for a thread of the blocking pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_queue: Option<u64>,
    /// Threads of the blocking pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_threads: Option<u64>,
}
