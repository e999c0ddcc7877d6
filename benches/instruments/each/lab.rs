//! The lab's own recorder, which the lens `sched` puts into a run.

use super::saw;
use crate::program::{Job, builder, measure, spawn_turns};
use lab_runner::lens::sched::{Blocks, Counts, FILE, Recorder, read};
use lab_runner::sched::analyse;
use std::path::Path;
use std::time::Instant;

/// What it kept of a run, and how fast that went.
#[derive(Debug)]
pub struct Recorded {
    /// Nanoseconds a poll.
    pub ns: f64,
    /// Events and their bytes.
    pub counts: Counts,
}

/// What the analysis of a recording takes.
#[derive(Clone, Copy, Debug)]
pub struct AddedUp {
    /// Events a second that are read.
    pub reads: f64,
    /// Events a second that are read and added up, blame and all.
    pub adds_up: f64,
    /// Megabytes of memory that this takes.
    pub megabytes: f64,
}

/// Every poll.
pub fn polls(job: &Job) -> Result<f64, String> {
    complete(&record_polls(job)?)
}

/// Every poll, and how long its task had been waiting for it.
pub fn latency(job: &Job) -> Result<f64, String> {
    complete(&record_latency(job)?)
}

/// As [`polls`], however much is dropped.
pub fn record_polls(job: &Job) -> Result<Recorded, String> {
    record(job, false)
}

/// As [`latency`], however much is dropped.
pub fn record_latency(job: &Job) -> Result<Recorded, String> {
    record(job, true)
}

fn record(job: &Job, latency: bool) -> Result<Recorded, String> {
    let mut builder = builder();
    let mut recorder = Recorder::new(latency);
    recorder.attach(&mut builder);
    let runtime = builder.build().map_err(|error| error.to_string())?;
    recorder.start(&job.folder)?;
    let ns = measure(&runtime, job.polls, spawn_turns)?;
    // What a worker still holds it hands over when it ends.
    drop(runtime);
    let counts = recorder.stop();
    saw(counts.events + counts.dropped, job.polls, "events")?;
    Ok(Recorded { ns, counts })
}

/// How fast a recording is read and added up on one core, and what memory that takes.
pub fn add_up(folder: &Path) -> Result<AddedUp, String> {
    let told = |error: &dyn std::fmt::Display| format!("the recording: {error}");
    let recording = read(&folder.join(FILE)).map_err(|error| told(&error))?;
    let (mut block, mut events) = (Vec::new(), 0);
    let begin = Instant::now();
    for lane in 0..recording.lanes() {
        for number in 0..recording.blocks(lane) {
            recording.read(lane, number, &mut block);
            events += block.len();
        }
    }
    let reads = events as f64 / begin.elapsed().as_secs_f64();
    let before = memory("VmRSS")?;
    std::fs::write("/proc/self/clear_refs", "5").map_err(|error| told(&error))?;
    let begin = Instant::now();
    std::hint::black_box(analyse(&recording, &recording.known, &|_| None));
    let adds_up = events as f64 / begin.elapsed().as_secs_f64();
    Ok(AddedUp { reads, adds_up, megabytes: (memory("VmHWM")? - before) / 1e6 })
}

/// A line of this process' status, in bytes.
fn memory(line: &str) -> Result<f64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let of_it = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = of_it.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map(|kilobytes| 1_024.0 * kilobytes).ok_or_else(|| format!("the kernel does not tell {line}"))
}

/// An event that is dropped costs less than one that is kept, and would make the row too good.
fn complete(recorded: &Recorded) -> Result<f64, String> {
    match recorded.counts.dropped {
        0 => Ok(recorded.ns),
        dropped => Err(format!("it dropped {dropped} events, and kept {}", recorded.counts.events)),
    }
}
