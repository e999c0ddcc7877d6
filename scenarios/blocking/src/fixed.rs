//! The handler with reading and computing handed to the blocking pool.

use crate::documents::Index;
use std::path::PathBuf;

/// Reads a document and indexes it.
pub async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let text = tokio::fs::read_to_string(path).await?;
    Ok(tokio::task::spawn_blocking(move || Index::of(&text)).await?)
}
