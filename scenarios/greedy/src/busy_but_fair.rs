//! Keeps the worker busy without starving a request: many tasks share the backlog, and each of them
//! imports one small message and then yields.

use crate::shop::{Message, Store, validate};
use anyhow::Context;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// Number of tasks that share the backlog.
const CONSUMERS: usize = 16;

/// Stores every message of the backlog and returns how many there were.
pub async fn import<B>(backlog: B, store: Arc<Store>) -> anyhow::Result<u64>
where
    B: Iterator<Item = Message> + Send + 'static,
{
    let backlog = Arc::new(Mutex::new(backlog));
    let mut consumers = JoinSet::new();
    for _ in 0..CONSUMERS {
        consumers.spawn(consume(Arc::clone(&backlog), Arc::clone(&store)));
    }
    let mut stored = 0;
    while let Some(consumer) = consumers.join_next().await {
        stored += consumer??;
    }
    Ok(stored)
}

async fn consume<B>(backlog: Arc<Mutex<B>>, store: Arc<Store>) -> anyhow::Result<u64>
where
    B: Iterator<Item = Message>,
{
    let next = || backlog.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut stored = 0;
    while let Some(message) = next() {
        let order = serde_json::from_str(&message.body).context("malformed message")?;
        validate(&order)?;
        store.put(message.key, order).await;
        stored += 1;
        tokio::task::yield_now().await;
    }
    Ok(stored)
}
