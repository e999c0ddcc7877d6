//! The lab's own recorder, which the lens `sched` puts into a run.

use super::saw;
use crate::program::{Job, builder, measure, spawn_turns};
use lab_runner::lens::sched::{Counts, Recorder};

/// What it kept of a run, and how fast that went.
#[derive(Debug)]
pub struct Recorded {
    /// Nanoseconds a poll.
    pub ns: f64,
    /// Events and their bytes.
    pub counts: Counts,
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
    let recorder = Recorder::attach(&mut builder, latency);
    let runtime = builder.build().map_err(|error| error.to_string())?;
    recorder.start(&job.folder)?;
    let ns = measure(&runtime, job.polls, spawn_turns)?;
    // What a worker still holds it hands over when it ends.
    drop(runtime);
    let counts = recorder.stop();
    saw(counts.events + counts.dropped, job.polls, "events")?;
    Ok(Recorded { ns, counts })
}

/// An event that is dropped costs less than one that is kept, and would make the row too good.
fn complete(recorded: &Recorded) -> Result<f64, String> {
    match recorded.counts.dropped {
        0 => Ok(recorded.ns),
        dropped => Err(format!("it dropped {dropped} events, and kept {}", recorded.counts.events)),
    }
}
