//! Suspects: possible faults with their signs. Each kind is collected in its own file in
//! `suspects/`.

use crate::diagnosis::Cost;
use crate::diagnosis::sign::Sign;
use crate::overhead::limits::RestsOn;
use crate::stacks::without_closures;
use lab_recording::frame::Frame;
use std::collections::BTreeMap;
use std::fmt;

/// Kinds of suspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suspicion {
    /// Long polls of one function.
    Polls,
    /// Threads that wait for locks until the end.
    Locked,
    /// Sets of futures that one function polls.
    Sets,
    /// A blocking pool.
    Pool,
    /// A thread of a runtime that is blocked in runtime shutdown.
    StuckThread,
    /// A panic in runtime shutdown.
    Refusal,
    /// Requests that awaited something when the load was over.
    Waits,
    /// A part of a future that was not polled.
    Starved,
    /// Tasks that are polled often.
    Spins,
    /// A process that crashed.
    Crash,
    /// A task that panicked.
    Panic,
    /// A post-mortem.
    Hang,
    /// Accepted requests without an answer.
    Lost,
    /// Memory retention.
    Memory,
    /// The load as a whole.
    Load,
    /// The host.
    Machine,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Suspicion::Polls => "long polls of one function",
            Suspicion::Locked => "threads that wait for locks until the end",
            Suspicion::Sets => "sets of futures that one function polls",
            Suspicion::Pool => "a blocking pool",
            Suspicion::StuckThread => "a thread of a runtime outside of polls",
            Suspicion::Refusal => "a panic",
            Suspicion::Waits => "requests that wait for ever",
            Suspicion::Starved => "a part of a future that was not polled",
            Suspicion::Spins => "tasks that are polled often",
            Suspicion::Crash => "a process that crashed",
            Suspicion::Panic => "a task that panicked",
            Suspicion::Hang => "a post-mortem",
            Suspicion::Lost => "accepted requests without an answer",
            Suspicion::Memory => "memory retention",
            Suspicion::Load => "the load as a whole",
            Suspicion::Machine => "the host",
        })
    }
}

/// A possible fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Its kind.
    pub of: Suspicion,
    /// The location, if there is one.
    pub at: Option<Location>,
    /// The signs. Unmeasured ones are absent.
    pub signs: BTreeMap<Sign, f64>,
    /// What it cost.
    pub cost: Cost,
    /// The profiler that measured its cost, and the size to compare with the overhead; none
    /// if no profiler did.
    pub rests_on: Option<RestsOn>,
    /// Further evidence, clause by clause.
    pub evidence: Vec<String>,
}

/// A location in user code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The function, closures left out.
    pub function: String,
    /// The source file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
}

impl Location {
    /// The location of a frame.
    pub fn from_frame(frame: &Frame) -> Location {
        Location {
            function: without_closures(&frame.function),
            file: frame.file.clone(),
            line: frame.line,
        }
    }
}

impl Suspect {
    /// A suspect without signs.
    pub fn new(of: Suspicion, at: Option<Location>) -> Suspect {
        Suspect {
            of,
            at,
            signs: BTreeMap::new(),
            cost: Cost::default(),
            rests_on: None,
            evidence: Vec::new(),
        }
    }

    /// Adds a sign.
    #[must_use]
    pub fn with(mut self, sign: Sign, value: f64) -> Suspect {
        self.signs.insert(sign, value);
        self
    }

    /// Adds a sign if it is known.
    #[must_use]
    pub fn with_known(self, sign: Sign, value: Option<f64>) -> Suspect {
        match value {
            Some(value) => self.with(sign, value),
            None => self,
        }
    }
}
