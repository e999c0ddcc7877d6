//! The batch of uploads.

use crate::mystery::{Digest, Limiter, Upload, resize};
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;

/// Resizes all uploads at the same time and returns their digests as they come.
pub async fn resize_all(uploads: Vec<Upload>, limit: Arc<Limiter>) -> anyhow::Result<Vec<Digest>> {
    let mut digests = Vec::with_capacity(uploads.len());
    let mut resizing: FuturesUnordered<_> =
        uploads.into_iter().map(|upload| resize(upload, Arc::clone(&limit))).collect();
    while let Some(digest) = StreamExt::next(&mut resizing).await {
        digests.push(digest);
    }
    Ok(digests)
}
