//! What a recording of a scheduler takes: bytes an event, and the time and memory to read it again
//! and to add it up.

use lab_analysis::scheduler::analyse;
use lab_kit::overhead::{Answer, Instrument, Job};
use lab_kit::turns::{self, spawn_turns};
use lab_recorder::scheduler::recorder::{Counts, Recorder};
use lab_recording::scheduler::{Blocks, FILE, read};
use std::fmt::Display;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

/// Names of what is answered.
pub(crate) mod name {
    /// Polls a second while they were recorded.
    pub const POLLS: &str = "polls_per_s";
    /// Bytes of an event on disk.
    pub const BYTES: &str = "bytes_per_event";
    /// Events that were left out.
    pub const DROPPED: &str = "dropped";
    /// Events a second that are read.
    pub const READ: &str = "read_per_s";
    /// Events a second that are read and added up, blame and all.
    pub const ADDED_UP: &str = "added_up_per_s";
    /// Megabytes of memory that adding up takes beyond what was there.
    pub const MEMORY: &str = "memory_mb";
}

const fn recording(name: &'static str, measure: fn(&Job) -> Result<Answer, String>) -> Instrument {
    Instrument { name, amount: 500_000, measure }
}

pub(crate) const INSTRUMENTS: &[Instrument] = &[
    recording("recording of polls", |job| record_and_read(job, false)),
    recording("recording of polls and latency", |job| record_and_read(job, true)),
];

fn record_and_read(job: &Job, latency: bool) -> Result<Answer, String> {
    let (ns, counts) = record(job, latency)?;
    let AddedUp { reads, adds_up, megabytes } = add_up(&job.folder)?;
    let numbers = [
        (name::POLLS, 1e9 / ns),
        (name::BYTES, counts.bytes as f64 / counts.events as f64),
        (name::DROPPED, counts.dropped as f64),
        (name::READ, reads),
        (name::ADDED_UP, adds_up),
        (name::MEMORY, megabytes),
    ];
    Ok(numbers.map(|(name, number)| (name.to_owned(), number)).into())
}

/// Two tasks go as fast as they can, and as long as it takes to fill what lies between worker and
/// disk, if it ever does.
fn record(job: &Job, latency: bool) -> Result<(f64, Counts), String> {
    let (mut recorder, mut builder) = (Recorder::new(latency), turns::builder());
    recorder.attach(&mut builder);
    let runtime = builder.build().map_err(|error| error.to_string())?;
    recorder.start(&job.folder)?;
    let ns = turns::measure(&runtime, job.amount, spawn_turns)?;
    // What a worker still holds it hands over when it ends.
    drop(runtime);
    let counts = recorder.stop();
    let seen = counts.events + counts.dropped;
    if seen < job.amount {
        Err(format!("{seen} of at least {} events were recorded", job.amount))
    } else {
        Ok((ns, counts))
    }
}

/// What the analysis of a recording takes on one core.
struct AddedUp {
    reads: f64,
    adds_up: f64,
    megabytes: f64,
}

fn add_up(folder: &Path) -> Result<AddedUp, String> {
    let recording = read(&folder.join(FILE)).map_err(|error| error_text(&error))?;
    let (mut block, mut events) = (Vec::new(), 0);
    let begin = Instant::now();
    for lane in 0..recording.lanes() {
        for number in 0..recording.blocks(lane) {
            recording.read(lane, number, &mut block);
            events += block.len();
        }
    }
    let reads = events as f64 / begin.elapsed().as_secs_f64();
    let before = Memory::now()?;
    let begin = Instant::now();
    black_box(analyse(&recording, &recording.known, &|_| None));
    let adds_up = events as f64 / begin.elapsed().as_secs_f64();
    Ok(AddedUp { reads, adds_up, megabytes: before.more()? })
}

fn error_text(error: &dyn Display) -> String {
    format!("the recording: {error}")
}

/// What this process held at a time.
pub(crate) struct Memory(f64);

impl Memory {
    /// Now; from now on the peak counts.
    pub fn now() -> Result<Memory, String> {
        fs::write("/proc/self/clear_refs", "5")
            .map_err(|error| format!("the peak cannot be reset: {error}"))?;
        memory("VmRSS").map(Memory)
    }

    /// Megabytes that the peak since then is above it.
    pub fn more(&self) -> Result<f64, String> {
        Ok((memory("VmHWM")? - self.0).max(0.0) / 1e6)
    }
}

/// A line of this process' status, in bytes.
fn memory(line: &str) -> Result<f64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let of_it = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = of_it.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes
        .map(|kilobytes| 1_024.0 * kilobytes)
        .ok_or_else(|| format!("the kernel does not report {line}"))
}
