//! `join_all` on the uploads themselves.

use crate::uploads::{Digest, Limiter, Upload, process};
use std::sync::Arc;

/// Processes all uploads concurrently and returns their digests in the order of the uploads.
pub async fn process_all(
    uploads: Vec<Upload>,
    limiter: Arc<Limiter>,
) -> anyhow::Result<Vec<Digest>> {
    let pending = uploads.into_iter().map(|upload| process(upload, Arc::clone(&limiter)));
    Ok(futures::future::join_all(pending).await)
}
