//! What every variant runs through: a batch that is all there, one task that works through it, and
//! the clock.

use crate::uploads::{self, BYTES, Digest, Limiter, Upload};
use lab_kit::{Batch, Cx, Load};
use std::sync::Arc;

/// More than all uploads of any batch hold: no upload ever waits for the limiter.
pub const UNCONTENDED: usize = 1 << 40;

/// What a batch needs for one upload at the most, in bytes: the upload, its future or task with the
/// lists that hold it, and its digest. As seen by the process' peak at a million uploads of the
/// hungriest way, rounded up.
const BYTES_PER_UPLOAD: u64 = 800;

/// Works through the load's uploads, one way.
pub fn drive<W, Fut>(cx: &Cx, way: W) -> anyhow::Result<()>
where
    W: FnOnce(Vec<Upload>, Arc<Limiter>) -> Fut,
    Fut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
{
    drive_with(
        cx,
        Service { workers: cx.load().workers, uploads: cx.load().size, limit: UNCONTENDED },
        way,
    )
}

/// What a way works with.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Worker threads of the runtime.
    pub workers: usize,
    /// Uploads in the batch.
    pub uploads: usize,
    /// Bytes that the limiter lets pass at a time.
    pub limit: usize,
}

/// Works through a batch, one way.
pub fn drive_with<W, Fut>(cx: &Cx, service: Service, way: W) -> anyhow::Result<()>
where
    W: FnOnce(Vec<Upload>, Arc<Limiter>) -> Fut,
    Fut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
{
    let batch = cx.batch(service.uploads)?;
    let uploads = uploads::generate(cx.seed(), service.uploads);
    let limiter = Arc::new(Limiter::new(service.limit, batch.children()));
    let runtime = cx.runtime().worker_threads(service.workers).build()?;
    let task = batch.outer(way(uploads.clone(), limiter));
    batch.time(
        || runtime.block_on(runtime.spawn(task))?,
        |digests| uploads::verified(&uploads, &digests),
    )
}

/// Refuses a batch that would not fit into memory.
pub fn check(load: &Load) -> anyhow::Result<()> {
    lab_kit::no_input(load)?;
    let bytes = (load.size as u64).saturating_mul(BYTES_PER_UPLOAD + Batch::BYTES_PER_CHILD);
    lab_kit::fits_memory(&format!("a batch of {} uploads of {BYTES} bytes", load.size), bytes)
}
