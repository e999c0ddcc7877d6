//! The harness of all variants: a batch of uploads, one task that processes it, and the clock.

use crate::uploads::{self, BYTES, Digest, Limiter, Upload};
use lab_kit::{Batch, Cx, Load};
use std::sync::Arc;

/// A limit above the bytes of any batch, so that no upload waits for the limiter.
pub const UNCONTENDED: usize = 1 << 40;

/// Memory of a batch per upload, in bytes: the upload, its future or task with the lists that hold
/// it, and its digest. Measured as the peak of the process with a million uploads of the variant
/// that needs most, and rounded up.
const BYTES_PER_UPLOAD: u64 = 800;

/// Processes the uploads of the load with one implementation.
pub fn drive<W, Fut>(cx: &Cx, process_all: W) -> anyhow::Result<()>
where
    W: FnOnce(Vec<Upload>, Arc<Limiter>) -> Fut,
    Fut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
{
    drive_with(
        cx,
        Service { workers: cx.load().workers, uploads: cx.load().size, limit: UNCONTENDED },
        process_all,
    )
}

/// Size of the runtime, the batch and the limiter.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Worker threads of the runtime.
    pub workers: usize,
    /// Number of uploads in the batch.
    pub uploads: usize,
    /// Bytes that the limiter admits at a time.
    pub limit: usize,
}

/// Processes a batch with one implementation.
pub fn drive_with<W, Fut>(cx: &Cx, service: Service, process_all: W) -> anyhow::Result<()>
where
    W: FnOnce(Vec<Upload>, Arc<Limiter>) -> Fut,
    Fut: Future<Output = anyhow::Result<Vec<Digest>>> + Send + 'static,
{
    let batch = cx.batch(service.uploads)?;
    let uploads = uploads::generate(cx.seed(), service.uploads);
    let limiter = Arc::new(Limiter::new(service.limit, batch.children()));
    let mut builder = cx.runtime();
    builder.worker_threads(service.workers);
    let runtime = cx.build(builder)?;
    let task = batch.outer(process_all(uploads.clone(), limiter));
    batch.time(
        || runtime.block_on(runtime.spawn(task))?,
        |digests| uploads::verified(&uploads, &digests),
    )
}

/// Rejects a batch that would not fit into memory.
pub fn check(load: &Load) -> anyhow::Result<()> {
    lab_kit::no_input(load)?;
    let bytes = (load.size as u64).saturating_mul(BYTES_PER_UPLOAD + Batch::BYTES_PER_CHILD);
    lab_kit::fits_memory(&format!("a batch of {} uploads of {BYTES} bytes", load.size), bytes)
}
