//! The documents of a run: when each is asked for, where it lies, and how long its storage takes.

use crate::documents;
use crate::folder;
use crate::storage::SlowStorage;
use anyhow::Context;
use lab_kit::Cx;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The duration of a stall without `--stall`.
pub const STALL: Duration = Duration::from_millis(250);

/// Documents in a burst.
pub const AT_A_TIME: usize = 3;

/// One document that is asked for.
#[derive(Clone, Debug)]
pub struct Job {
    /// When, from the begin of the measured time.
    pub at: Duration,
    /// Where it lies.
    pub path: PathBuf,
    /// What its storage takes, if it is one of ours.
    pub latency: Option<Duration>,
    /// Whether its storage answers well within the deadline.
    pub ordinary: bool,
}

/// All documents of a run, and what must live as long as they are read.
#[derive(Debug)]
pub struct Work {
    /// In the order in which they are asked for.
    pub jobs: Vec<Job>,
    /// How long a handler may take.
    pub deadline: Duration,
    /// What the slowest storage takes; absent where it is not known.
    pub stall: Option<Duration>,
    /// One of the texts: that of all pipes, or of the first file.
    pub sample: Arc<str>,
    /// The pipes that are being read.
    pub storage: SlowStorage,
}

/// The stall of a load.
pub fn stall_of(cx: &Cx) -> Duration {
    cx.load().stall_ms.map_or(STALL, Duration::from_millis)
}

/// A storage that stalls leaves less time than it takes.
fn deadline(stall: Duration) -> Duration {
    stall.mul_f64(0.7)
}

/// Bursts of three, with time to recover in between.
fn bursts(cx: &Cx, stall: Duration) -> impl Iterator<Item = Duration> {
    let measured = cx.load().duration();
    (0..)
        .map(move |burst| stall * 4 * burst)
        .take_while(move |at| at.is_zero() || *at + stall <= measured)
}

impl Work {
    /// What the load asks for: pipes, or the files of `--files`.
    pub fn of(cx: &Cx) -> anyhow::Result<Work> {
        match &cx.load().files {
            Some(folder) => Work::real(cx, folder::files(folder)?),
            None => Work::piped(cx),
        }
    }

    /// In each burst a document whose storage stalls, and right after it two whose storage takes a
    /// tenth.
    fn piped(cx: &Cx) -> anyhow::Result<Work> {
        let stall = stall_of(cx);
        let sample = documents::generate(cx.seed(), cx.load().size).into();
        let scratch = cx.scratch()?;
        let latencies: [Duration; AT_A_TIME] = [stall, stall / 10, stall / 10];
        let job = |burst: usize, begin: Duration, number: usize| Job {
            at: begin + stall / 12 * number as u32,
            path: scratch.join(format!("document-{burst}-{number}")),
            latency: Some(latencies[number]),
            ordinary: number > 0,
        };
        let of_burst = |(burst, begin)| (0..AT_A_TIME).map(move |number| (burst, begin, number));
        let all = bursts(cx, stall).enumerate().flat_map(of_burst);
        let jobs = all.map(|(burst, begin, number)| job(burst, begin, number)).collect();
        Ok(Work {
            jobs,
            deadline: deadline(stall),
            stall: Some(stall),
            sample,
            storage: SlowStorage::default(),
        })
    }

    /// Makes a document's pipe, if it is to lie in one.
    pub fn prepare(&mut self, job: &Job) -> anyhow::Result<()> {
        match job.latency {
            Some(latency) => self.storage.add(job.path.clone(), latency, Arc::clone(&self.sample)),
            None => Ok(()),
        }
    }

    /// The files one after another, three a burst, from the first again after the last.
    fn real(cx: &Cx, files: Vec<PathBuf>) -> anyhow::Result<Work> {
        let sample = fs::read_to_string(&files[0])
            .with_context(|| format!("cannot read {}", files[0].display()))?;
        let slots = bursts(cx, STALL)
            .flat_map(|begin| (0..AT_A_TIME as u32).map(move |number| begin + STALL / 12 * number));
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
