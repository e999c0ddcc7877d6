//! The profiler `cpu`: which code uses the CPU time of a run, by pprof-rs.
//!
//! The kernel counts the CPU time of the whole process and sends a signal each time a certain
//! amount was used. The handler of pprof-rs walks the frame pointers of the running thread and
//! stores addresses only. The child writes them to a file twice a second, so that a run that is
//! killed keeps its samples. The parent resolves them with the same tables as for every other
//! profiler.
//!
//! Limits:
//!
//! - Threads that wait use no CPU time and have no samples.
//! - Signals are sent at ticks of the kernel's timer, so there are never more samples than ticks.
//! - The walk begins at the saved frame pointer. The interrupted function itself is missing in its
//!   stack, and if it belongs to a library without frame pointers, its caller is missing too.
//! - pprof-rs merges stacks through the same functions, so the source line is that of the first.
//! - Samples are lost while pprof-rs builds a report.
//!
//! No other profiler runs in the same process: two profilers that walk stacks can deadlock.

pub(crate) mod sampler;

/// Samples requested per second of CPU time. Few kernels have that many ticks:
/// [`lab_recording::cpu::Raw::tick_hz`] has their number.
pub(crate) const HZ: u32 = 1_000;
