//! The profiler `cpu`: where the CPU time of a run goes, by the profiler that most Rust services
//! know, pprof-rs.
//!
//! The kernel counts the CPU time of the whole process and sends it a signal each time that enough
//! was used; the handler of pprof-rs walks the frame pointers of whichever thread was computing. It
//! notes addresses alone. The child writes them down twice a second, so that a run which is killed
//! keeps them, and the parent finds their names with the same tables as for every other profiler.
//!
//! What it cannot see: threads that wait, for they use no CPU. Between two ticks of the kernel's
//! timer nothing is sent, so asking for more samples than ticks brings none. The walk begins at the
//! saved frame: the function that was interrupted is not in its own stack, which ends with its
//! caller, and where a library without frame pointers was interrupted, with the caller's caller.
//! pprof-rs takes two stacks through the same functions for one, so a place in the code is that of
//! the first; and samples that come while it hands out what it has are lost.
//!
//! It shares its process with no other profiler: two that walk stacks can deadlock.

pub(crate) mod sampler;

/// Samples requested in a second of CPU time. Few kernels have as many ticks: [`raw::Raw::tick_hz`]
/// has their number.
pub(crate) const HZ: u32 = 1_000;
