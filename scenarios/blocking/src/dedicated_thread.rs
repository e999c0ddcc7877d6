//! The handler starts a thread for each document and awaits a channel.

use crate::documents::Index;
use std::path::PathBuf;
use std::thread;
use tokio::sync::oneshot;

/// Reads a document and indexes it.
pub async fn index(path: PathBuf) -> anyhow::Result<Index> {
    let (done, indexed) = oneshot::channel();
    let read = move || anyhow::Ok(Index::of(&std::fs::read_to_string(path)?));
    thread::Builder::new().name("reader".into()).spawn(move || done.send(read()))?;
    indexed.await?
}
