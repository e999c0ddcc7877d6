//! Recordings of the child's threads: addresses, with the data that another process needs to
//! resolve them to names.

use crate::frame::Frame;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A post-mortem before its addresses have names.
pub const RAW_POST_MORTEM: &str = "post-mortem.raw.json";
/// Stuck threads before their addresses have names.
pub const RAW_STUCK_THREADS: &str = "threads.raw.json";
/// Panics before their addresses have names.
pub const RAW_PANICS: &str = "panics.raw.json";

/// The program that the addresses are of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Path of the executable.
    pub executable: String,
    /// The executable's length in bytes and its last change in nanoseconds since 1970; zeros if
    /// unknown.
    pub stamp: (u64, u64),
    /// The lines of `/proc/self/maps` that are code.
    pub maps: String,
}

/// A file of the child: data with addresses, and the program of the addresses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Raw<T> {
    /// The program.
    pub program: Program,
    /// Time of the data, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// The data.
    pub data: T,
}

impl<T: Serialize + DeserializeOwned> Raw<T> {
    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        crate::file::replace(path, &serde_json::to_vec(self)?)
    }

    /// Reads the file; none if it does not exist.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn read(path: &Path) -> anyhow::Result<Option<Raw<T>>> {
        let bytes = match crate::plain_file::read(path, crate::plain_file::DOCUMENT) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        Ok(Some(serde_json::from_slice(&bytes)?))
    }
}

/// Stuck threads, in the folder of a run under the profiler `sched`.
pub const STUCK_THREADS: &str = "threads.json";
/// Panics, in the folder of any run that had one.
pub const PANICS: &str = "panics.json";

/// A thread outside of polls that was in the same functions in several stacks in a row. `S` is the
/// type of its stack: addresses or frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StuckThread<S = Vec<Frame>> {
    /// The thread's number in the kernel.
    pub tid: u32,
    /// The thread's name.
    pub name: String,
    /// The stack, innermost first.
    pub stack: S,
    /// Time from the first to the last of these stacks, in milliseconds.
    pub for_ms: f64,
    /// Number of these stacks.
    pub looks: u64,
}

impl<S> StuckThread<S> {
    /// Converts the stack: addresses to names.
    pub fn with_stack<T>(self, name: impl FnOnce(S) -> T) -> StuckThread<T> {
        let StuckThread { tid, name: thread, stack, for_ms, looks } = self;
        StuckThread { tid, name: thread, stack: name(stack), for_ms, looks }
    }
}

/// A panic. `S` is the type of its stack: addresses or frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Panic<S = Vec<Frame>> {
    /// The thread's name.
    pub thread: String,
    /// The message, with the source location.
    pub text: String,
    /// The stack of the panic, innermost first.
    pub stack: S,
    /// Number of panics with the same text and stack. Above [`COUNTED_EACH`] a lower bound.
    #[serde(default = "once")]
    pub times: u64,
}

fn once() -> u64 {
    1
}

/// Number of equal panics up to which each is written to the file. Beyond that only each doubling
/// is written, because writing takes time.
pub const COUNTED_EACH: u64 = 64;

impl<S> Panic<S> {
    /// Converts the stack: addresses to names.
    pub fn with_stack<T>(self, name: impl FnOnce(S) -> T) -> Panic<T> {
        Panic { thread: self.thread, text: self.text, stack: name(self.stack), times: self.times }
    }
}

/// Hand-offs to the blocking pool, in the folder of a run under the profiler `sched`.
pub const HAND_OFFS: &str = "hand-offs.json";
/// Hand-offs before their addresses have names.
pub const RAW_HAND_OFFS: &str = "hand-offs.raw.json";

/// Code that hands work to the blocking pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandOff {
    /// The spawn location of its tasks: `src/drive.rs:52`.
    pub place: String,
    /// The function, without closures.
    pub function: String,
    /// The source file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Whether the job is the runtime's own, as in `tokio::fs`, and not a function of the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_runtime: bool,
    /// Number of sampled hand-offs.
    pub seen: u64,
}
