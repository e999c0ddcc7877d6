//! Runs pprof-rs and writes its samples to a file.

use crate::keeper::Keeper;
use crate::price::{at_depth, price};
use crate::{signal, walk};
use anyhow::Context;
use lab_kit::clock;
use lab_recording::cpu::{Raw, Stack};
use lab_recording::overhead::Price;
use lab_recording::stall::format::stamp;
use pprof::{ProfilerGuard, ProfilerGuardBuilder, UnresolvedReport};
use rustix::time::{ClockId, clock_getres};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A running profiler.
pub(crate) struct Sampler {
    keeper: Keeper,
    /// Number of samples in the file.
    samples: Arc<AtomicU64>,
}

impl Sampler {
    /// Starts pprof-rs, and a thread that writes its samples.
    ///
    /// # Errors
    /// The reason why it cannot start, with a remedy.
    pub fn start(folder: &Path, hz: u32) -> Result<Sampler, String> {
        walk::frame_pointers_work()?;
        keep_files_in(&folder.join("scratch"))?;
        let begin = Begin { hz, cpu_ns: clock::process_cpu_ns(), at: Instant::now() };
        let profiler = start_profiler(hz)?;
        let folder = folder.to_owned();
        let samples = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&samples);
        let write = move |last| {
            let raw = begin.raw(&report(&profiler)?, last);
            count.store(raw.stacks.iter().map(|stack| stack.samples).sum(), Ordering::Relaxed);
            raw.write(&folder)
        };
        Ok(Sampler { keeper: Keeper::start("lab-cpu", write)?, samples })
    }

    /// Writes all samples, stops, and returns the number of samples.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn stop(self) -> anyhow::Result<u64> {
        self.keeper.stop()?;
        Ok(self.samples.load(Ordering::Relaxed))
    }
}

/// CPU time of a sample on the sampled thread. Measured with a separate profiler, whose samples are
/// discarded.
///
/// # Errors
/// The reason why a thread cannot be sampled.
pub(crate) fn price_of_a_sample(folder: &Path) -> Result<Price, String> {
    /// Samples of a block.
    const EVENTS: u32 = 16;
    /// Lowest sampling rate of pprof-rs, so that few samples come beside those that are measured.
    const RARELY: u32 = 1;
    walk::frame_pointers_work()?;
    keep_files_in(&folder.join("scratch"))?;
    let profiler = start_profiler(RARELY)?;
    let mut failed = None;
    let mut request = || failed = failed.take().or(signal::send_of_profiler().err());
    let price =
        price(EVENTS, || (), |block| at_depth(block, &mut || (0..EVENTS).for_each(|_| request())));
    drop(profiler);
    failed.map_or(Ok(price), |error| {
        Err(format!("a thread cannot be signalled for a sample: {error}"))
    })
}

/// Redirects temporary files. pprof-rs writes samples that overflow its table into a temporary file
/// and does not remove it. In the run's own folder it is removed with the scratch files.
fn keep_files_in(scratch: &Path) -> Result<(), String> {
    std::fs::create_dir_all(scratch).map_err(|error| {
        format!("cannot make {}: {error}: free some room or try another --out", scratch.display())
    })?;
    // Fails if the folder was redirected before. A process has one profiler, so it was not.
    let _ = tempfile::env::override_temp_dir(scratch);
    Ok(())
}

/// Starts pprof-rs. Samples inside libgcc are dropped: a thread that unwinds for a panic may hold a
/// lock there which pprof-rs takes to name a frame.
fn start_profiler(hz: u32) -> Result<ProfilerGuard<'static>, String> {
    let hz = i32::try_from(hz).map_err(|_| format!("{hz} samples a second are too many"))?;
    let builder = ProfilerGuardBuilder::default().frequency(hz).blocklist(&["libgcc"]);
    builder.build().map_err(|error| format!("pprof-rs cannot start: {error}"))
}

fn report(profiler: &ProfilerGuard<'_>) -> anyhow::Result<UnresolvedReport> {
    profiler.report().build_unresolved().context("pprof-rs has no samples")
}

/// The sampling rate, and the start of the sampling.
struct Begin {
    hz: u32,
    cpu_ns: u64,
    at: Instant,
}

impl Begin {
    fn raw(&self, report: &UnresolvedReport, stopped: bool) -> Raw {
        // Without a path the addresses stay without names, and the profile shows that.
        let executable = std::env::current_exe().unwrap_or_default();
        Raw {
            stopped,
            hz: u64::from(self.hz),
            tick_hz: tick_hz(),
            cpu_ns: clock::process_cpu_ns().saturating_sub(self.cpu_ns),
            wall_ns: self.at.elapsed().as_nanos() as u64,
            stamp: stamp(&executable).unwrap_or_default(),
            executable,
            maps: std::fs::read_to_string("/proc/self/maps").unwrap_or_default(),
            stacks: stacks(report),
        }
    }
}

fn stacks(report: &UnresolvedReport) -> Vec<Stack> {
    let stacks = report.data.iter().map(|(frames, samples)| Stack {
        thread: String::from_utf8_lossy(&frames.thread_name[..frames.thread_name_length])
            .into_owned(),
        samples: u64::try_from(*samples).unwrap_or_default(),
        back: frames.frames.iter().map(|frame| frame.ip as u64).collect(),
    });
    stacks.collect()
}

/// Ticks of the kernel's timer per second: the resolution of the coarse clock.
fn tick_hz() -> u64 {
    let tick = clock_getres(ClockId::MonotonicCoarse);
    let tick = Duration::new(tick.tv_sec as u64, tick.tv_nsec as u32);
    if tick.is_zero() { 0 } else { (1.0 / tick.as_secs_f64()).round() as u64 }
}
