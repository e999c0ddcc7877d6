//! All uploads in one `FuturesUnordered`, as in its documentation.

use crate::uploads::{Digest, Limiter, Upload, process};
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;

/// Processes all uploads concurrently and returns their digests in the order in which they
/// complete.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let mut digests = Vec::with_capacity(uploads.len());
    let mut pending: FuturesUnordered<_> =
        uploads.into_iter().map(|upload| process(upload, Arc::clone(&limiter))).collect();
    while let Some(digest) = pending.next().await {
        digests.push(digest);
    }
    Ok(digests)
}
