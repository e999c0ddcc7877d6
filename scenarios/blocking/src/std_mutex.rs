//! The handler with a memory: it looks documents up under a lock that it also holds while it reads
//! one.

use crate::documents::Index;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Indexes by the path of their document.
pub type Known = Arc<Mutex<HashMap<PathBuf, Index>>>;

/// Reads a document and indexes it, unless that was done before.
pub async fn index(path: PathBuf, known: Known) -> anyhow::Result<Index> {
    if let Some(index) = known.lock().unwrap_or_else(PoisonError::into_inner).get(&path) {
        return Ok(index.clone());
    }
    let read = move || {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let text = std::fs::read_to_string(&path)?;
        anyhow::Ok(known.entry(path).or_insert_with(|| Index::of(&text)).clone())
    };
    tokio::task::spawn_blocking(read).await?
}
