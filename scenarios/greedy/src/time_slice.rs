//! The import yields when its slice of time is used up, whatever the size of a message.

use crate::shop::{Message, Store, validate};
use anyhow::Context;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the import may occupy its worker.
const SLICE: Duration = Duration::from_millis(1);

/// Stores every message of the backlog and returns how many there were.
pub async fn import(
    backlog: impl Iterator<Item = Message>,
    store: Arc<Store>,
) -> anyhow::Result<u64> {
    let mut stored = 0;
    let mut slice = Instant::now();
    for message in backlog {
        let order = serde_json::from_str(&message.body).context("malformed message")?;
        validate(&order)?;
        store.put(message.key, order).await;
        stored += 1;
        if slice.elapsed() >= SLICE {
            tokio::task::yield_now().await;
            slice = Instant::now();
        }
    }
    Ok(stored)
}
