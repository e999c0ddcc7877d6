//! The handler: the standard library reads the file.

use crate::documents::Index;
use std::path::PathBuf;

/// Reads a document and indexes it.
pub async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let text = std::fs::read_to_string(path)?;
    Ok(Index::of(&text))
}
