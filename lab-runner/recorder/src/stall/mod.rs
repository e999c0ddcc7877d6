//! The sampler of the profiler `stall`: the source line at which a thread is during a long poll,
//! and whether it computes there or waits.
//!
//! Hooks mark the start and the end of a poll. A thousand times a second the sampler's thread sends
//! a signal to each thread inside a poll, and the signal handler writes the stack into the thread's
//! ring. The sampler moves the rings to `stall.bin`; addresses are resolved to names after the run,
//! in another process. Threads outside of polls get no signal, except when a poll ends between the
//! check and the signal; `Counts::late` counts these.
//!
//! Effects on the run: a poll costs a reading of the clock and some stores, 35 to 60 ns on one
//! host. A sample costs 10 µs on the sampled thread, nine of them for the kernel's way into the
//! handler and back. An interrupted system call is restarted where the kernel supports it;
//! `nanosleep` and `poll` fail with `EINTR`, as after any other signal.
//!
//! tokio calls no hooks for the future of `block_on` and for the tasks of a `LocalSet`. On the thread
//! of a runtime of one thread, what runs between two sleeps and outside of polls of tasks is sampled
//! in their place.
//!
//! Limits: the future of `block_on` of a runtime with workers, a `LocalSet` on such a runtime, and
//! code on the threads of `spawn_blocking` are not sampled.

mod here {
    pub mod hooks;
    mod ring;
    mod sampler;
    pub mod slot;
    mod wait;
    mod writer;

    pub use sampler::Sampler;
    pub use slot::open_polls;
}

pub(crate) use here::open_polls;
pub use here::{Sampler, hooks};

/// A poll in progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenPoll {
    /// The thread's number in the kernel.
    pub tid: i32,
    /// The task's number.
    pub task: u64,
    /// Start of the poll, in nanoseconds of `CLOCK_MONOTONIC`.
    pub begin_ns: u64,
}
