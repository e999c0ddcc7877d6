//! The handler reads with `tokio::fs` and still computes in the task.

use crate::documents::Index;
use std::path::PathBuf;

/// Reads a document and indexes it.
pub async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let text = tokio::fs::read_to_string(path).await?;
    Ok(Index::of(&text))
}
