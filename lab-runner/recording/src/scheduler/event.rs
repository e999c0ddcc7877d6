//! What the recorder saw, event by event, on the axis of `CLOCK_MONOTONIC`: the words that reader
//! and analysis share.

/// Something that happened on a thread of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it was.
    pub what: What,
    /// When it happened, or began, in nanoseconds.
    pub at_ns: u64,
    /// How long it took, in nanoseconds; zero for all but polls.
    pub length_ns: u64,
    /// The task's number, which may be given to another once the task has ended. Of
    /// [`What::Thread`] the thread's number in the kernel.
    pub task: u64,
    /// How long the task had been runnable when the poll began; none if it is not measured.
    pub latency_ns: Option<u64>,
    /// Where the task was spawned: an index into the recording's places.
    pub place: u16,
    /// The worker that did it, by its number in the runtime; meaningless for [`What::Spawn`] and
    /// [`What::End`], which may happen anywhere.
    pub worker: u16,
    /// The runtime, by its number in the run.
    pub runtime: u8,
    /// Of a poll: whether the task's budget was spent when it ended, so that its next wake was put
    /// off.
    pub budget_spent: bool,
    /// Of a poll: whether it had not ended when it was last looked at; its length is then what was
    /// seen of it.
    pub open: bool,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A task was polled.
    Poll,
    /// A task was spawned.
    Spawn,
    /// A task ended. Tasks of `spawn_blocking` end without having been spawned.
    End,
    /// A worker went to sleep.
    Park,
    /// A worker woke up.
    Unpark,
    /// A thread began to be watched, in the lane that the event is in. What follows there is this
    /// thread's.
    Thread,
}

impl Event {
    /// When it was over.
    pub fn end_ns(&self) -> u64 {
        self.at_ns.saturating_add(self.length_ns)
    }

    /// When the task that is polled became runnable; none if it is not measured.
    pub fn runnable_ns(&self) -> Option<u64> {
        Some(self.at_ns.saturating_sub(self.latency_ns?))
    }
}

/// Events in lanes: one lane holds what one thread did at a time, in the order of their ends. Lanes
/// are cut into blocks, so that a recording can be gone through in both directions without being
/// held in memory.
pub trait Blocks {
    /// How many lanes there are.
    fn lanes(&self) -> usize;

    /// How many blocks a lane has.
    fn blocks(&self, lane: usize) -> usize;

    /// Puts the events of a block in the place of what is in `into`, in their order; none if there
    /// is no such block.
    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>);
}

/// What is known of a recording beside its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// When the recorder began to look and when it was last heard of, in nanoseconds.
    pub from_ns: u64,
    /// See `from_ns`.
    pub until_ns: u64,
    /// Where tasks were spawned.
    pub places: Vec<Place>,
    /// The runtimes' own counters over time.
    pub counters: Vec<Counters>,
    /// How long threads had waited for a core, over time. Empty where the kernel does not report
    /// it.
    pub core_waits: Vec<CoreWait>,
    /// What the yield probe was asked and answered.
    pub probes: Vec<Probe>,
    /// Where events are missing, for the writer could not keep up.
    pub dropped: Vec<Dropped>,
    /// Polls of threads for which there was no lane.
    pub unwatched: u64,
    /// Whether tokio reports polls: without `tokio_unstable` it reports only when workers sleep.
    pub sees_polls: bool,
    /// Whether schedule latency was recorded.
    pub has_latency: bool,
    /// Whether the file ends within a block, or goes on with something that is none.
    pub cut: bool,
    /// Whether the recorder was stopped, and not killed.
    pub stopped: bool,
    /// Why the recording ended before the run did, if it did.
    pub trouble: Option<String>,
}

/// A place in the source where tasks are spawned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the compiler knows it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// The counters of a runtime at a moment, those of its workers added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// When, in nanoseconds.
    pub at_ns: u64,
    /// The runtime.
    pub runtime: u8,
    /// Its workers.
    pub workers: u64,
    /// Tasks that have not ended.
    pub alive_tasks: u64,
    /// Tasks in the queue that all workers share.
    pub global_queue: u64,
    /// Tasks in the workers' own queues. From here on none where tokio was built without
    /// `tokio_unstable`.
    pub local_queues: Option<u64>,
    /// Tasks that workers have taken from each other so far.
    pub steals: Option<u64>,
    /// Times that a task has been turned away because its budget was spent so far.
    pub forced_yields: Option<u64>,
    /// Tasks that wait for a thread of the blocking pool.
    pub blocking_queue: Option<u64>,
    /// Threads of the blocking pool.
    pub blocking_threads: Option<u64>,
    /// Those of them that are idle.
    pub idle_blocking_threads: Option<u64>,
}

/// How long a thread has waited for a core since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreWait {
    /// When, in nanoseconds.
    pub at_ns: u64,
    /// The thread's number in the kernel.
    pub thread: u64,
    /// The sum so far, in nanoseconds.
    pub waited_ns: u64,
}

/// A question to the yield probe: how long does a `yield_now` take?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// When it was asked, in nanoseconds.
    pub asked_ns: u64,
    /// When the probe's task got to hear it and yielded; none if it never did.
    pub yielded_ns: Option<u64>,
    /// When the yield was over; none if it never was.
    pub answered_ns: Option<u64>,
}

/// Events that were dropped: a whole block of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The lane.
    pub lane: u16,
    /// The time of the first and of the last that is missing, in nanoseconds.
    pub from_ns: u64,
    /// See `from_ns`.
    pub until_ns: u64,
    /// How many are missing.
    pub events: u64,
}
