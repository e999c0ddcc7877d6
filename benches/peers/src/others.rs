//! The instruments of others, used as their documentation says.

use crate::{runtime, saw};
use console_subscriber::ConsoleLayer;
use dial9::{Dial9HandleTokioExt, DiskBuffer, TokioAttachOptions};
use lab_kit::overhead::{Answer, Job};
use lab_kit::turns::{
    Runtime, Turns, after, alternate, block, builder, spawn_turns, spawn_turns_in_span, turns,
};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;
use tokio_metrics::TaskMonitor;
use tracing::level_filters::LevelFilter;
use tracing_flame::FlameLayer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What dial9 may keep on disk, as much as its configuration from the environment gives it.
const DIAL9_BYTES: u64 = 1 << 30;
/// What two events a poll leave there at the very least; less, and some were dropped.
const DIAL9_BYTES_A_POLL: u64 = 20;
/// What entering and leaving a span leave there at the very least.
const FLAME_BYTES_A_POLL: u64 = 100;
/// How long its last segment may take, which nobody's polls wait for.
const DIAL9_END: Duration = Duration::from_secs(30);

/// tokio-metrics, both tasks with one monitor.
pub fn task_monitor(job: &Job) -> Result<Answer, String> {
    static MONITOR: LazyLock<TaskMonitor> = LazyLock::new(TaskMonitor::new);
    let (plain, monitored) = (runtime()?, runtime()?);
    let spawn = |times| tokio::spawn(TaskMonitor::instrument(&MONITOR, turns(times)));
    let measured =
        alternate(job.amount, || block(&plain, spawn_turns), || block(&monitored, spawn))?;
    saw(MONITOR.cumulative().total_poll_count, job.amount, "polls")?;
    Ok(measured)
}

/// tokio-console's half in the program, whose server waits for somebody to attach.
pub fn console(job: &Job) -> Result<Answer, String> {
    let plain = runtime()?;
    let put_in = || {
        // A port that the kernel chooses, for another program may have the usual one.
        let layer = ConsoleLayer::builder().server_addr(([127, 0, 0, 1], 0)).spawn();
        tracing_subscriber::registry().with(layer).try_init().map_err(|error| error.to_string())?;
        runtime()
    };
    let (measured, _) =
        after(job.amount, || block(&plain, spawn_turns), put_in, |with| block(with, spawn_turns))?;
    Ok(measured)
}

/// tracing-flame into a file, with a span around each task, which each poll enters and leaves.
pub fn flame(job: &Job) -> Result<Answer, String> {
    let plain = runtime()?;
    let put_in = || {
        let file = job.folder.join("flame.folded");
        let (layer, guard) = FlameLayer::with_file(file).map_err(|error| error.to_string())?;
        // Tokio's own spans are traces; they would be a second one around each poll.
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(layer);
        subscriber.try_init().map_err(|error| error.to_string())?;
        Ok((guard, runtime()?))
    };
    let spanned = |(_, with): &(_, Runtime)| block(with, spawn_turns_in_span);
    let (measured, (guard, _)) =
        after(job.amount, || block(&plain, spawn_turns_in_span), put_in, spanned)?;
    guard.flush().map_err(|error| error.to_string())?;
    saw(bytes_in(&job.folder)?, job.amount * FLAME_BYTES_A_POLL, "bytes")?;
    Ok(measured)
}

/// dial9 onto disk, with tokio's schedule latency: two events a poll.
pub fn dial9(job: &Job) -> Result<Answer, String> {
    beside_dial9(job, spawn_turns)
}

/// The same with tasks that are spawned through it, whose wakes it records too.
pub fn dial9_wakes(job: &Job) -> Result<Answer, String> {
    beside_dial9(job, |times| dial9::spawn(turns(times)))
}

fn beside_dial9(job: &Job, spawn: fn(u64) -> Turns) -> Result<Answer, String> {
    let plain = runtime()?;
    let buffer = DiskBuffer::builder().base_path(&job.folder).max_total_size(DIAL9_BYTES).build();
    let recorder = dial9::recorder(buffer.map_err(|error| error.to_string())?).build();
    let options = TokioAttachOptions::builder().task_tracking_enabled(true).build();
    let with = recorder
        .handle()
        .attach_tokio_runtime(builder(), options)
        .map_err(|error| error.to_string())?;
    let measured = alternate(job.amount, || block(&plain, spawn_turns), || block(&with, spawn))?;
    // In this order its workers flush what they hold.
    drop(with);
    recorder.graceful_shutdown(DIAL9_END);
    saw(bytes_in(&job.folder)?, job.amount * DIAL9_BYTES_A_POLL, "bytes")?;
    Ok(measured)
}

/// Of all files in a folder, those of its folders too.
fn bytes_in(folder: &Path) -> Result<u64, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut bytes = 0;
    for entry in folder.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let about = entry.metadata().map_err(unreadable)?;
        bytes += if about.is_dir() { bytes_in(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
