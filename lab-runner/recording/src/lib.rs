//! A recording: the folder that a run leaves, and the only channel between parent and child.
//!
//! All results come from this folder alone. The layout of each file is described once, here, for
//! its writer and its reader. This package depends on no runtime, clock or process.

// A module uses those of its own group and of groups above it.

pub mod mapped;
pub mod plain_file;

pub mod alloc;
pub mod awaits;
mod cause;
pub mod counters;
pub mod cpu;
mod ending;
pub mod file;
pub mod folder;
pub mod frame;
mod kind;
mod load;
pub mod maps;
pub mod observations;
pub mod outcome;
pub mod overhead;
pub mod pack;
pub mod post_mortem;
pub mod profiler;
pub mod request_log;
pub mod reserved;
pub mod scheduler;
pub mod spans;
pub mod spec;
pub mod stall;
pub mod syscalls;
pub mod threads;
pub mod words;

pub use cause::Cause;
pub use ending::Ending;
pub use kind::Kind;
pub use load::{Arrivals, Load};
