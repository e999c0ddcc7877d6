//! The faulty handler inside `block_in_place`: the worker's other tasks move to another thread, and
//! this task stays blocked.

use crate::documents::Index;
use std::path::PathBuf;

/// Reads a document and indexes it.
pub async fn index(path: PathBuf) -> anyhow::Result<Index> {
    tokio::task::block_in_place(|| {
        let text = std::fs::read_to_string(path)?;
        Ok(Index::of(&text))
    })
}
