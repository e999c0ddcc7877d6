//! The handler with a cache of indexes, behind a lock that is also held while a document is read.

use crate::documents::Index;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Indexes by the path of their document.
pub type Cache = Arc<Mutex<HashMap<PathBuf, Index>>>;

/// Reads a document and indexes it, unless its index is cached.
pub async fn index(path: PathBuf, cache: Cache) -> anyhow::Result<Index> {
    if let Some(index) = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&path) {
        return Ok(index.clone());
    }
    let read = move || {
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let text = std::fs::read_to_string(&path)?;
        anyhow::Ok(cache.entry(path).or_insert_with(|| Index::of(&text)).clone())
    };
    tokio::task::spawn_blocking(read).await?
}
