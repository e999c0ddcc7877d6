//! Events of the scheduler on the axis of `CLOCK_MONOTONIC`, for the reader and the analysis.

/// An event on a thread of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The kind of event.
    pub what: What,
    /// Time of the event, or start of a poll, in nanoseconds.
    pub at_ns: u64,
    /// Length of a poll in nanoseconds; zero for other events.
    pub length_ns: u64,
    /// The task's number, which may be reused after the task's end. For [`What::Thread`] the
    /// thread's number in the kernel.
    pub task: u64,
    /// Schedule latency of a poll in nanoseconds; absent if it is not measured.
    pub latency_ns: Option<u64>,
    /// The spawn location: an index into [`Known::places`].
    pub place: u16,
    /// Index of the worker in its runtime; without meaning for [`What::Spawn`] and [`What::End`],
    /// which may happen on any thread.
    pub worker: u16,
    /// Number of the runtime in the run.
    pub runtime: u8,
    /// Whether the task's budget was spent at the end of the poll, so that its next wake was
    /// deferred.
    pub budget_spent: bool,
    /// Whether the poll was still in progress when it was recorded; its length is then a lower
    /// bound.
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
    /// A worker parked.
    Park,
    /// A worker unparked.
    Unpark,
    /// A thread claimed the lane of the event. The following events of the lane are this thread's.
    Thread,
}

impl Event {
    /// End of the event, in nanoseconds.
    pub fn end_ns(&self) -> u64 {
        self.at_ns.saturating_add(self.length_ns)
    }

    /// Time at which the polled task became runnable, in nanoseconds; none if it is not measured.
    pub fn runnable_ns(&self) -> Option<u64> {
        Some(self.at_ns.saturating_sub(self.latency_ns?))
    }
}

/// Events in lanes. A lane has the events of one thread at a time, sorted by their ends. Lanes are
/// divided into blocks, so that a recording can be read in both directions without being loaded
/// into memory.
pub trait Blocks {
    /// Number of lanes.
    fn lanes(&self) -> usize;

    /// Number of blocks of a lane.
    fn blocks(&self, lane: usize) -> usize;

    /// Reads the events of a block into `into`, which is cleared first. No events if the block does
    /// not exist.
    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>);
}

/// The data of a recording beside its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Start of the recording, in nanoseconds.
    pub from_ns: u64,
    /// Time of the last data in the file, in nanoseconds.
    pub until_ns: u64,
    /// Spawn locations.
    pub places: Vec<Place>,
    /// Counters of the runtimes over time.
    pub counters: Vec<Counters>,
    /// Core waits of threads over time. Empty if the kernel does not report them.
    pub core_waits: Vec<CoreWait>,
    /// Timings of the yield probe.
    pub probes: Vec<Probe>,
    /// Gaps, where the writer could not keep up.
    pub dropped: Vec<Dropped>,
    /// Number of polls on threads without a lane.
    pub unwatched: u64,
    /// Whether polls were recorded: without `tokio_unstable` there are only parks of workers.
    pub sees_polls: bool,
    /// Whether schedule latency was recorded.
    pub has_latency: bool,
    /// Whether the file ends within a block, or is damaged.
    pub cut: bool,
    /// Whether the recorder was stopped, and not killed.
    pub stopped: bool,
    /// The reason why the recording ended before the run, if it did.
    pub trouble: Option<String>,
}

/// A spawn location in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as in `std::panic::Location`.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// The counters of a runtime at a moment, those of its workers added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Time of the reading, in nanoseconds.
    pub at_ns: u64,
    /// Number of the runtime.
    pub runtime: u8,
    /// Number of workers.
    pub workers: u64,
    /// Tasks that have not ended.
    pub alive_tasks: u64,
    /// Length of the queue that all workers share.
    pub global_queue: u64,
    /// Length of the workers' own queues. This field and the following ones are absent if tokio was
    /// built without `tokio_unstable`.
    pub local_queues: Option<u64>,
    /// Number of steals between workers so far.
    pub steals: Option<u64>,
    /// Number of forced yields so far.
    pub forced_yields: Option<u64>,
    /// Tasks that wait for a thread of the blocking pool.
    pub blocking_queue: Option<u64>,
    /// Threads of the blocking pool.
    pub blocking_threads: Option<u64>,
    /// Idle threads of the blocking pool.
    pub idle_blocking_threads: Option<u64>,
}

/// Time that a thread has waited for a core since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreWait {
    /// Time of the reading, in nanoseconds.
    pub at_ns: u64,
    /// The thread's number in the kernel.
    pub thread: u64,
    /// The sum so far, in nanoseconds.
    pub waited_ns: u64,
}

/// A timing of the yield probe. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Time of the request.
    pub asked_ns: u64,
    /// Time at which the probe's task was polled and yielded; absent if it was not polled.
    pub yielded_ns: Option<u64>,
    /// Time at which the probe's task was polled after the yield; absent if it was not polled.
    pub answered_ns: Option<u64>,
}

/// A gap: events of a lane that were dropped together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Number of the lane.
    pub lane: u16,
    /// Start of the first missing event, in nanoseconds.
    pub from_ns: u64,
    /// End of the last missing event, in nanoseconds.
    pub until_ns: u64,
    /// Number of missing events.
    pub events: u64,
}
