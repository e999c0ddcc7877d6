//! An order is recorded by a task of its own, which the runtime polls whatever its request awaits.

use crate::journal::{Journal, Order, PATIENCE};
use std::sync::Arc;
use tokio::time::sleep;

/// Records an order. Returns when its entry is on the disk.
pub async fn record(journal: Arc<Journal>, order: Order) -> anyhow::Result<()> {
    let writer = Arc::clone(&journal);
    let mut placed = tokio::spawn(async move { writer.append(order.placed()).await });
    tokio::select! {
        result = &mut placed => return Ok(result?),
        () = sleep(PATIENCE) => {}
    }
    journal.append(order.report()).await;
    placed.await?;
    Ok(())
}
