//! The profilers: the half that runs inside the process under test.
//!
//! A profiler must not end the run that it profiles, and never reads its own files. Names for
//! addresses, sums and conclusions come afterwards, from files alone, in another process. A
//! profiler that is not available writes the reason into its status.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!(
    "the lab runs on Linux, x86-64 or arm64: its profilers walk stacks in a signal handler"
);

// A module uses modules of its own group and of groups above it.

mod complain;
pub mod hooks;
mod keeper;
mod price;
mod proc;
pub mod walk;

pub mod instrument;
mod signal;
mod tasks;

pub mod alloc;
mod cpu;
pub mod scheduler;
mod spans;
pub mod stall;

pub mod threads;

mod awaits;

pub mod profilers;

pub mod session;

pub mod attach;
pub mod child;

/// The allocator whose heap profile the profiler `alloc` can read. A binary installs it with
/// `#[global_allocator] static A: Counting<Jemalloc> = Counting::over(Jemalloc);`.
#[cfg(feature = "jemalloc")]
pub use tikv_jemallocator::Jemalloc;
