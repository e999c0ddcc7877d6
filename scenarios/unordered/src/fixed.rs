//! A task for each upload, in a `JoinSet`.

use crate::uploads::{Digest, Limiter, Upload, process};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Processes all uploads concurrently and returns their digests in the order in which they
/// complete.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let mut digests = Vec::with_capacity(uploads.len());
    let mut pending: JoinSet<_> =
        uploads.into_iter().map(|upload| process(upload, Arc::clone(&limiter))).collect();
    while let Some(digest) = pending.join_next().await {
        digests.push(digest?);
    }
    Ok(digests)
}
