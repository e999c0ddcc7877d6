//! The documents of a run: when each is requested, its path, and the latency of its storage.

use crate::documents;
use crate::folder;
use crate::storage::SlowStorage;
use anyhow::Context;
use lab_kit::Cx;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Default duration of a stall, without `--stall`.
pub const STALL: Duration = Duration::from_millis(250);

/// Number of documents in a burst.
pub const BURST: usize = 3;

/// The request of one document.
#[derive(Clone, Debug)]
pub struct Job {
    /// Due time, from the start of the measured time.
    pub at: Duration,
    /// The document's file: a named pipe, or a real file.
    pub path: PathBuf,
    /// Latency of the named pipe; none for a real file.
    pub latency: Option<Duration>,
    /// Whether the storage answers well within the deadline.
    pub ordinary: bool,
}

/// All documents of a run, and the pipes that must exist while they are read.
#[derive(Debug)]
pub struct Work {
    /// Sorted by due time.
    pub jobs: Vec<Job>,
    /// How long a handler may take.
    pub deadline: Duration,
    /// Latency of the slowest storage; none if it is unknown.
    pub stall: Option<Duration>,
    /// One of the texts: the text of all pipes, or of the first file.
    pub sample: Arc<str>,
    /// The pipes that are being read.
    pub storage: SlowStorage,
}

/// Duration of a stall under this load.
pub fn stall_duration(cx: &Cx) -> Duration {
    cx.load().stall_ms.map_or(STALL, Duration::from_millis)
}

/// Deadline of a document: shorter than a stall, so that a stalled read misses it.
fn deadline(stall: Duration) -> Duration {
    stall.mul_f64(0.7)
}

/// Start times of the bursts, with time to recover in between.
fn bursts(cx: &Cx, stall: Duration) -> impl Iterator<Item = Duration> {
    let measured = cx.load().duration();
    (0..)
        .map(move |burst| stall * 4 * burst)
        .take_while(move |at| at.is_zero() || *at + stall <= measured)
}

impl Work {
    /// The documents of a load: named pipes, or the files of `--files`.
    ///
    /// # Errors
    /// If the scratch folder cannot be made, or if a real file cannot be read.
    pub fn from_load(cx: &Cx) -> anyhow::Result<Work> {
        match &cx.load().files {
            Some(folder) => Work::real(cx, folder::files(folder)?),
            None => Work::piped(cx),
        }
    }

    /// Each burst has a document whose storage stalls, and right after it two documents whose
    /// storage takes a tenth of that.
    fn piped(cx: &Cx) -> anyhow::Result<Work> {
        let stall = stall_duration(cx);
        let sample = documents::generate(cx.seed(), cx.load().size).into();
        let scratch = cx.scratch()?;
        let latencies: [Duration; BURST] = [stall, stall / 10, stall / 10];
        let mut jobs = Vec::new();
        for (burst, begin) in bursts(cx, stall).enumerate() {
            for (number, latency) in latencies.into_iter().enumerate() {
                jobs.push(Job {
                    at: begin + stall / 12 * number as u32,
                    path: scratch.join(format!("document-{burst}-{number}")),
                    latency: Some(latency),
                    ordinary: number > 0,
                });
            }
        }
        Ok(Work {
            jobs,
            deadline: deadline(stall),
            stall: Some(stall),
            sample,
            storage: SlowStorage::default(),
        })
    }

    /// Makes the named pipe of a document, unless the document is a real file.
    ///
    /// # Errors
    /// If the pipe cannot be made or its writer thread cannot be started.
    pub fn prepare(&mut self, job: &Job) -> anyhow::Result<()> {
        match job.latency {
            Some(latency) => self.storage.add(job.path.clone(), latency, Arc::clone(&self.sample)),
            None => Ok(()),
        }
    }

    /// Real files, one after another, three a burst; after the last one the first one again.
    fn real(cx: &Cx, files: Vec<PathBuf>) -> anyhow::Result<Work> {
        let sample = fs::read_to_string(&files[0])
            .with_context(|| format!("cannot read {}", files[0].display()))?;
        let slots = bursts(cx, STALL)
            .flat_map(|begin| (0..BURST as u32).map(move |number| begin + STALL / 12 * number));
        let jobs = slots
            .zip(files.into_iter().cycle())
            .map(|(at, path)| Job { at, path, latency: None, ordinary: true })
            .collect();
        Ok(Work {
            jobs,
            deadline: deadline(STALL),
            stall: None,
            sample: sample.into(),
            storage: SlowStorage::default(),
        })
    }

    /// Small real files in the page cache, one every 25 ms.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn small_files(cx: &Cx) -> anyhow::Result<Work> {
        const BYTES: usize = 4_096;
        let sample = documents::generate(cx.seed(), BYTES);
        let path = cx.scratch()?.join("note");
        fs::write(&path, &sample).with_context(|| format!("cannot write {}", path.display()))?;
        let times = (0..)
            .map(|number| Duration::from_millis(25) * number)
            .take_while(|at| *at < cx.load().duration());
        let jobs =
            times.map(|at| Job { at, path: path.clone(), latency: None, ordinary: true }).collect();
        Ok(Work {
            jobs,
            deadline: deadline(STALL),
            stall: None,
            sample: sample.into(),
            storage: SlowStorage::default(),
        })
    }
}
