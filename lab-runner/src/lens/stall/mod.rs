//! The lens `stall`: which line a runtime's thread is stuck at while it is inside a poll, and whether it computes
//! there or waits.
//!
//! The hooks tell when a thread enters a poll and leaves it. A thousand times a second a thread of its own looks
//! which threads are inside one and sends them a signal; the handler writes the stack into the thread's own ring.
//! The rings go to `stall.bin`, and addresses become names after the run, in another process. A parked worker is
//! left alone, unless its poll ends in the microsecond between the look and the signal; `Counts::late` tells.
//!
//! What it changes in the run: a watched poll costs a look at the clock and some stores, 35 to 60 ns where this was
//! written; a sample took 10 µs of the sampled thread there, nine of them the kernel's way into the handler and back.
//! A system call that a signal interrupts is restarted where the kernel can; what sleeps by `nanosleep` or `poll` sees
//! `EINTR`, as it would after any other signal.
//!
//! What it cannot see: the future that `block_on` itself polls, for which a runtime calls no hooks, and what runs on
//! the threads of `spawn_blocking`.

mod folded;
pub mod format;
pub(crate) mod lens;
mod read;

pub use super::symbols::{Frame, Symbols};
pub(crate) use folded::names;
pub use folded::{Folded, LongPoll, Wait, folded, long_polls};
pub use format::Counts;
pub use lab_kit::task_number::number_of;
pub use read::{Recording, Sample, WaitChannel, parse, read};

/// Name of the lens' file inside a recording.
pub const FILE: &str = "stall.bin";
/// Samples a second, where nobody asks for another number.
pub const HZ: u32 = 1_000;
/// Nanoseconds after which a poll is called long, unless someone says otherwise: 10 ms.
pub const LONG_POLL_NS: u64 = 10_000_000;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
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
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "elsewhere.rs"]
mod here;

pub(in crate::lens) use here::open_polls;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(in crate::lens) use here::slot;
pub use here::{Sampler, hooks};

/// A poll that is going on.
#[derive(Clone, Copy, Debug)]
pub(in crate::lens) struct OpenPoll {
    /// The thread's number in the kernel.
    pub tid: i32,
    /// The task's number.
    pub task: u64,
    /// When it began, in nanoseconds.
    pub begin_ns: u64,
}
