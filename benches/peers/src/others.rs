//! Third-party instruments, used as in their documentation.

use crate::{check_count, runtime};
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

/// Bytes that dial9 may use on disk: the default of its configuration by environment.
const DIAL9_BYTES: u64 = 1 << 30;
/// Least bytes of the two events of a poll on disk. With less, dial9 has dropped events.
const DIAL9_BYTES_A_POLL: u64 = 20;
/// Least bytes of tracing-flame for entering and leaving a span.
const FLAME_BYTES_A_POLL: u64 = 100;
/// Time limit of dial9's last segment, which is written after the measurement.
const DIAL9_END: Duration = Duration::from_secs(30);

/// Measures tokio-metrics, with one monitor for both tasks.
pub fn task_monitor(job: &Job) -> Result<Answer, String> {
    static MONITOR: LazyLock<TaskMonitor> = LazyLock::new(TaskMonitor::new);
    let (plain, monitored) = (runtime()?, runtime()?);
    let spawn = |times| tokio::spawn(TaskMonitor::instrument(&MONITOR, turns(times)));
    let measured =
        alternate(job.amount, || block(&plain, spawn_turns), || block(&monitored, spawn))?;
    check_count(MONITOR.cumulative().total_poll_count, job.amount, "polls")?;
    Ok(measured)
}

/// Measures console-subscriber, whose server has no client.
pub fn console(job: &Job) -> Result<Answer, String> {
    let plain = runtime()?;
    let put_in = || {
        // A port that the kernel chooses, because another program may use the default one.
        let layer = ConsoleLayer::builder().server_addr(([127, 0, 0, 1], 0)).spawn();
        tracing_subscriber::registry().with(layer).try_init().map_err(|error| error.to_string())?;
        runtime()
    };
    let (measured, _) =
        after(job.amount, || block(&plain, spawn_turns), put_in, |with| block(with, spawn_turns))?;
    Ok(measured)
}

/// Measures tracing-flame with a file, and a span around each task that each poll enters and
/// leaves.
pub fn flame(job: &Job) -> Result<Answer, String> {
    let plain = runtime()?;
    let put_in = || {
        let file = job.folder.join("flame.folded");
        let (layer, guard) = FlameLayer::with_file(file).map_err(|error| error.to_string())?;
        // Without tokio's own spans, which have the level TRACE: they would be a second span around
        // each poll.
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(layer);
        subscriber.try_init().map_err(|error| error.to_string())?;
        Ok((guard, runtime()?))
    };
    let spanned = |(_, with): &(_, Runtime)| block(with, spawn_turns_in_span);
    let (measured, (guard, _)) =
        after(job.amount, || block(&plain, spawn_turns_in_span), put_in, spanned)?;
    guard.flush().map_err(|error| error.to_string())?;
    check_count(bytes_in(&job.folder)?, job.amount * FLAME_BYTES_A_POLL, "bytes")?;
    Ok(measured)
}

/// Measures dial9 with files and tokio's schedule latency: two events a poll.
pub fn dial9(job: &Job) -> Result<Answer, String> {
    beside_dial9(job, spawn_turns)
}

/// Measures dial9 with tasks that are spawned through it, so that it records their wakes too.
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
    // In this order, so that the workers flush their events.
    drop(with);
    recorder.graceful_shutdown(DIAL9_END);
    check_count(bytes_in(&job.folder)?, job.amount * DIAL9_BYTES_A_POLL, "bytes")?;
    Ok(measured)
}

/// Bytes of all files in a folder and its subfolders.
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
