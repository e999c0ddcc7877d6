//! What the child records of its threads: addresses, and what is needed to give them names in
//! another process.

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
    /// The path of its file.
    pub executable: String,
    /// Its length and when it had changed last; zeros if unknown.
    pub stamp: (u64, u64),
    /// The lines of `/proc/self/maps` that are code.
    pub maps: String,
}

/// A file of a child: addresses, and the program that they are of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Raw<T> {
    /// The program.
    pub program: Program,
    /// When the data was taken, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Stacks of addresses, with what belongs to them.
    pub data: T,
}

impl<T: Serialize + DeserializeOwned> Raw<T> {
    /// Writes it as a whole, or leaves what was there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        crate::file::replace(path, &serde_json::to_vec(self)?)
    }

    /// Reads it; nothing if there is none.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(path: &Path) -> anyhow::Result<Option<Raw<T>>> {
        let bytes = match std::fs::read(path) {
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

/// A thread that was in the same functions in several looks in a row, outside of polls. `S` is its
/// stack: addresses or frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StuckThread<S = Vec<Frame>> {
    /// Its number in the kernel.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// Its stack, innermost first.
    pub stack: S,
    /// From the first look to the last one in a row that found it there, in milliseconds.
    pub for_ms: f64,
    /// How many looks that were.
    pub looks: u64,
}

impl<S> StuckThread<S> {
    /// The same with another stack: with names instead of addresses.
    pub fn with_stack<T>(self, name: impl FnOnce(S) -> T) -> StuckThread<T> {
        let StuckThread { tid, name: thread, stack, for_ms, looks } = self;
        StuckThread { tid, name: thread, stack: name(stack), for_ms, looks }
    }
}

/// A panic. `S` is its stack: addresses or frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Panic<S = Vec<Frame>> {
    /// The thread's name.
    pub thread: String,
    /// Its message, with its place.
    pub text: String,
    /// The stack at that moment, innermost first.
    pub stack: S,
    /// How many there were of the same text on the same stack. Beyond [`COUNTED_EACH`] a lower
    /// bound.
    #[serde(default = "once")]
    pub times: u64,
}

fn once() -> u64 {
    1
}

/// Up to so many panics of one kind each is written down; beyond that each doubling is, for writing
/// takes time.
pub const COUNTED_EACH: u64 = 64;

impl<S> Panic<S> {
    /// The same with another stack: with names instead of addresses.
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
    /// Where the tasks are spawned that do so: `src/drive.rs:52`.
    pub place: String,
    /// The function, closures left out.
    pub function: String,
    /// The source file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Samples that found it doing so.
    pub seen: u64,
}
