//! The import has one more `.await` in its loop, in the hope that each one lets other tasks run.

use crate::shop::{Message, Progress, Store, validate};
use anyhow::Context;
use std::sync::Arc;

/// Stores every message of the backlog and returns how many there were.
pub async fn import(
    backlog: impl Iterator<Item = Message>,
    store: Arc<Store>,
) -> anyhow::Result<u64> {
    let progress = Progress::default();
    let mut stored = 0;
    for message in backlog {
        let order = serde_json::from_str(&message.body).context("malformed message")?;
        validate(&order)?;
        store.put(message.key, order).await;
        stored += 1;
        progress.report(stored).await;
    }
    Ok(stored)
}
