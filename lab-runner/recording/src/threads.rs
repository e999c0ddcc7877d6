//! What the child leaves of its threads: addresses, and what is needed to give them names in another process.

use crate::frame::Frame;
use crate::post_mortem::{Awaits, Polled, Runtime, TaskState, Watched};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A post-mortem before its addresses have names.
pub const RAW_POST_MORTEM: &str = "post-mortem.raw.json";
/// Threads that stood somewhere, before their addresses have names.
pub const RAW_STUCK_THREADS: &str = "threads.raw.json";
/// Panics before their addresses have names.
pub const RAW_PANICS: &str = "panics.raw.json";

/// The program that the addresses are of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    pub executable: String,
    /// Its length and when it had changed last; zeros if unknown.
    pub stamp: (u64, u64),
    /// The lines of `/proc/self/maps` that are code.
    pub maps: String,
}

/// A file of a child: its program, and what it tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Raw<T> {
    pub program: Program,
    pub told: T,
}

impl<T: Serialize + DeserializeOwned> Raw<T> {
    /// Writes it as a whole, or leaves what was there.
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

/// What a child was at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawPostMortem {
    /// When it was asked, in nanoseconds.
    pub at_ns: u64,
    pub took_ms: f64,
    pub threads: Vec<RawThread>,
    pub tasks: Option<Vec<RawTask>>,
    pub watched: Vec<Watched>,
    pub runtimes: Vec<Runtime>,
    #[serde(default)]
    pub dumped: Vec<Awaits>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawThread {
    pub tid: u32,
    pub name: String,
    pub stack: Vec<u64>,
    pub same_later: bool,
    pub on_cpu: Option<f64>,
    pub channel: Option<String>,
    pub syscall: Option<u64>,
    pub poll: Option<Polled>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawTask {
    pub number: u64,
    pub runtime: u8,
    pub place: String,
    pub age_ms: f64,
    pub state: TaskState,
}

/// A thread that stood somewhere outside of polls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawStuckThread {
    pub tid: u32,
    pub name: String,
    pub stack: Vec<u64>,
    pub from_ns: u64,
    pub until_ns: u64,
    pub looks: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawPanic {
    pub thread: String,
    pub text: String,
    pub stack: Vec<u64>,
    /// How many there were of the same text at the same place; see [`Panic::times`].
    #[serde(default = "once")]
    pub times: u64,
}

fn once() -> u64 {
    1
}

/// Threads that stood somewhere outside of polls, in the folder of a run under the profiler `sched`.
pub const STUCK_THREADS: &str = "threads.json";
/// Panics, in the folder of any run that had one.
pub const PANICS: &str = "panics.json";

/// A thread that was seen in the same functions in several looks one after another, outside of polls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StuckThread {
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
    /// How many there were of the same text on the same stack. Beyond [`Panic::COUNTED_EACH`] a lower bound.
    #[serde(default = "once")]
    pub times: u64,
}

impl Panic {
    /// Up to so many of one kind each is written down; beyond that each doubling is, for writing takes time.
    pub const COUNTED_EACH: u64 = 64;
}

/// What is known of hand-offs to the blocking pool, in the folder of a run under the profiler `sched`.
pub const HAND_OFFS: &str = "hand-offs.json";
/// The same as the child leaves it.
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
    /// How often it was seen to.
    pub seen: u64,
}
