//! The profiler `stall`: which line a runtime's thread is stuck at while it is inside a poll, and
//! whether it computes there or waits.
//!
//! The hooks tell when a thread enters a poll and leaves it. A thousand times a second a thread of
//! its own looks which threads are inside one and sends them a signal; the handler writes the stack
//! into the thread's own ring. The rings go to `stall.bin`, and addresses become names after the
//! run, in another process. A parked worker is left alone, unless its poll ends in the microsecond
//! between the look and the signal; `Counts::late` tells.
//!
//! What it changes in the run: a watched poll costs a look at the clock and some stores, 35 to 60
//! ns where this was written; a sample took 10 µs of the sampled thread there, nine of them the
//! kernel's way into the handler and back. A system call that a signal interrupts is restarted
//! where the kernel can; what sleeps by `nanosleep` or `poll` sees `EINTR`, as it would after any
//! other signal.
//!
//! What it cannot see: the future that `block_on` itself polls, for which a runtime calls no hooks,
//! and what runs on the threads of `spawn_blocking`.

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

/// A poll that is going on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenPoll {
    /// The thread's number in the kernel.
    pub tid: i32,
    /// The task's number.
    pub task: u64,
    /// When it began, in nanoseconds.
    pub begin_ns: u64,
}
