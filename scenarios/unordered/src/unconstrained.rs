//! The faulty code with each upload outside the task budget.

use crate::uploads::{Digest, Limiter, Upload, process};
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use tokio::task::unconstrained;

/// Processes all uploads concurrently and returns their digests in order of completion.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let mut digests = Vec::with_capacity(uploads.len());
    let mut pending: FuturesUnordered<_> = uploads
        .into_iter()
        .map(|upload| unconstrained(process(upload, Arc::clone(&limiter))))
        .collect();
    while let Some(digest) = pending.next().await {
        digests.push(digest);
    }
    Ok(digests)
}
