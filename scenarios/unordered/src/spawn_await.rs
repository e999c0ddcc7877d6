//! A task for each upload; the handles are awaited one after another.

use crate::uploads::{Digest, Limiter, Upload, process};
use std::sync::Arc;

/// Processes all uploads concurrently and returns their digests in the order of the uploads.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let mut digests = Vec::with_capacity(uploads.len());
    let pending: Vec<_> = uploads
        .into_iter()
        .map(|upload| tokio::spawn(process(upload, Arc::clone(&limiter))))
        .collect();
    for task in pending {
        digests.push(task.await?);
    }
    Ok(digests)
}
