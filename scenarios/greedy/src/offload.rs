//! The import runs on a thread of the blocking pool, so no worker of the runtime computes for it.

use crate::shop::{Message, Store, validate};
use anyhow::Context;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// Stores every message of the backlog and returns how many there were.
pub async fn import(
    backlog: impl Iterator<Item = Message> + Send + 'static,
    store: Arc<Store>,
) -> anyhow::Result<u64> {
    let runtime = Handle::current();
    let import = spawn_blocking(move || {
        let mut stored = 0;
        for message in backlog {
            let order = serde_json::from_str(&message.body).context("malformed message")?;
            validate(&order)?;
            runtime.block_on(store.put(message.key, order));
            stored += 1;
        }
        Ok(stored)
    });
    import.await?
}
