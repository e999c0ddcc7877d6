//! What threads do outside of polls, where no hook tells: where they stand for long, and where they panicked.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(in crate::lens) mod census;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "no_census.rs"]
mod census;
mod dump;
pub(crate) mod hand_offs;
pub(crate) mod panics;
pub(crate) mod post_mortem;
pub(in crate::lens) mod proc;
mod raw;
pub(crate) mod resolve;
pub(in crate::lens) mod standing;
pub(in crate::lens) mod tasks;
pub(in crate::lens) mod watched;

pub use hand_offs::{HAND_OFFS, HandOff};

use super::symbols::Frame;
use serde::{Deserialize, Serialize};

/// A post-mortem as the child leaves it, before its addresses have names.
pub(crate) const RAW_POST_MORTEM: &str = raw::POST_MORTEM;
/// Threads that stood somewhere outside of polls, in the folder of a run with the lens `sched`.
pub const STANDING: &str = "threads.json";
/// Panics, in the folder of any run that had one.
pub const PANICS: &str = "panics.json";

/// A thread that was seen in the same functions in several looks one after another, outside of polls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its number in the kernel.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// Its stack, innermost first.
    pub stack: Vec<Frame>,
    /// From the first look to the last one in a row that saw it there, in milliseconds.
    pub for_ms: f64,
    /// How many looks that were.
    pub looks: u64,
}

/// A panic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Panic {
    /// The thread's name.
    pub thread: String,
    /// What it said, with its place.
    pub text: String,
    /// The stack at that moment, innermost first.
    pub stack: Vec<Frame>,
}
