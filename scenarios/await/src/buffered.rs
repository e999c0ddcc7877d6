//! The lines of an order are priced a few at a time, and stored one by one.

use crate::journal::{Journal, Order};
use crate::upstream::{AT_A_TIME, LINES, price, store};
use futures::{StreamExt, stream};
use std::sync::Arc;

/// Records an order with the prices of its lines.
pub async fn record(journal: Arc<Journal>, order: Order) -> anyhow::Result<()> {
    let mut prices = stream::iter(0..LINES).map(price).buffer_unordered(AT_A_TIME);
    while let Some(line) = prices.next().await {
        store(line?).await;
    }
    journal.append(order.placed()).await;
    Ok(())
}
