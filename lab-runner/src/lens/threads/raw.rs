//! What the child leaves of its threads: addresses, and what is needed to give them names in another process.

use crate::hang::{Awaits, Polled, Runtime, TaskState, Watched};
use crate::lens::maps;
use crate::lens::stall::{Symbols, format::stamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A post-mortem before its addresses have names.
pub(super) const POST_MORTEM: &str = "post-mortem.raw.json";
/// Threads that stood somewhere, before their addresses have names.
pub(super) const STANDING: &str = "threads.raw.json";
/// Panics before their addresses have names.
pub(super) const PANICS: &str = "panics.raw.json";

/// The program that the addresses are of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    pub executable: String,
    /// Its length and when it had changed last; zeros if unknown.
    pub stamp: (u64, u64),
    /// The lines of `/proc/self/maps` that are code.
    pub maps: String,
}

impl Program {
    /// This one, as it is now.
    pub fn here() -> Program {
        let executable = std::env::current_exe().unwrap_or_default();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        Program {
            stamp: stamp(&executable).unwrap_or_default(),
            executable: executable.to_string_lossy().into_owned(),
            maps: maps::of_code(&maps),
        }
    }

    pub fn symbols(&self) -> Symbols {
        Symbols::of_program(&self.maps, Path::new(&self.executable), self.stamp)
    }
}

/// A file of a child: its program, and what it tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Raw<T> {
    pub program: Program,
    pub told: T,
}

impl<T: Serialize + DeserializeOwned> Raw<T> {
    /// What the program that runs this tells.
    pub fn here(told: T) -> Raw<T> {
        Raw { program: Program::here(), told }
    }

    /// Writes it as a whole, or leaves what was there.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        crate::lens::handover::replace(path, &serde_json::to_vec(self)?)
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
pub(super) struct PostMortem {
    /// When it was asked, in nanoseconds.
    pub at_ns: u64,
    pub took_ms: f64,
    pub threads: Vec<Thread>,
    pub tasks: Option<Vec<Task>>,
    pub watched: Vec<Watched>,
    pub runtimes: Vec<Runtime>,
    #[serde(default)]
    pub dumped: Vec<Awaits>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Thread {
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
pub(super) struct Task {
    pub number: u64,
    pub runtime: u8,
    pub place: String,
    pub age_ms: f64,
    pub state: TaskState,
}

/// A thread that stood somewhere outside of polls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub tid: u32,
    pub name: String,
    pub stack: Vec<u64>,
    pub from_ns: u64,
    pub until_ns: u64,
    pub looks: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Panic {
    pub thread: String,
    pub text: String,
    pub stack: Vec<u64>,
}
