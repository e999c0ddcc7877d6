//! The import: an async function with an `.await` in its loop.

use crate::shop::{Message, Store, validate};
use anyhow::Context;
use std::sync::Arc;

/// Stores every message of the backlog and returns how many there were.
pub async fn import(
    backlog: impl Iterator<Item = Message>,
    store: Arc<Store>,
) -> anyhow::Result<u64> {
    let mut stored = 0;
    for message in backlog {
        let order = serde_json::from_str(&message.body).context("malformed message")?;
        validate(&order)?;
        store.put(message.key, order).await;
        stored += 1;
    }
    Ok(stored)
}
