//! A stream with a bound on the number of uploads in flight.

use crate::uploads::{Digest, Limiter, Upload, process};
use futures::stream::{self, StreamExt};
use std::sync::Arc;

/// Processes 64 uploads at a time and returns their digests in order of completion.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let pending = stream::iter(uploads).map(|upload| process(upload, Arc::clone(&limiter)));
    Ok(pending.buffer_unordered(64).collect().await)
}

/// Processes 1 024 uploads at a time and returns their digests in order of completion.
pub async fn process_more(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let pending = stream::iter(uploads).map(|upload| process(upload, Arc::clone(&limiter)));
    Ok(pending.buffer_unordered(1_024).collect().await)
}
