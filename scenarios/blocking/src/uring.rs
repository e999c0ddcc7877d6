//! The handler calls `tokio::fs::read`, which uses io_uring where tokio and the kernel support it.
//! `tokio::fs::read_to_string` never does.

use crate::documents::Index;
use std::path::PathBuf;

/// Reads a document and indexes it.
pub async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let text = String::from_utf8(tokio::fs::read(path).await?)?;
    Ok(tokio::task::spawn_blocking(move || Index::of(&text)).await?)
}
