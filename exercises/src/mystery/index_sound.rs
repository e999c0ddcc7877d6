//! The index of documents.

use crate::mystery::words;
use std::path::PathBuf;

/// Reads a document and returns the number of its words.
pub async fn index(document: PathBuf) -> anyhow::Result<usize> {
    let counted = tokio::task::spawn_blocking(move || {
        let text = std::fs::read_to_string(document)?;
        anyhow::Ok(words(&text))
    });
    counted.await?
}
