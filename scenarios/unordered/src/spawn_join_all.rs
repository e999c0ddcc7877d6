//! A task for each upload, and `join_all` on the handles: the fix that is usually recommended.

use crate::uploads::{Digest, Limiter, Upload, process};
use futures::future::join_all;
use std::sync::Arc;

/// Processes all uploads concurrently and returns their digests in the order of the uploads.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let pending =
        uploads.into_iter().map(|upload| tokio::spawn(process(upload, Arc::clone(&limiter))));
    let digests: Result<Vec<Digest>, _> = join_all(pending).await.into_iter().collect();
    Ok(digests?)
}
