//! The handler hands the read and the computation to the blocking pool.

use crate::documents::Index;
use std::path::PathBuf;

/// Reads a document and indexes it.
pub async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let text = tokio::fs::read_to_string(path).await?;
    Ok(tokio::task::spawn_blocking(move || Index::of(&text)).await?)
}
