//! The same stream with a bound as large as the batch.

use crate::uploads::{Digest, Limiter, Upload, process};
use futures::stream::{self, StreamExt};
use std::sync::Arc;

/// Processes all uploads concurrently and returns their digests in order of completion.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let bound = uploads.len();
    let pending = stream::iter(uploads).map(|upload| process(upload, Arc::clone(&limiter)));
    Ok(pending.buffer_unordered(bound).collect().await)
}
