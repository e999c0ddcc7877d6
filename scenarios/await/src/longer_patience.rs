//! An order is recorded in the journal, and so is that this took very long.

use crate::journal::{Journal, Order};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_millis(100);

/// Records an order. Returns when its entry is on the disk.
pub async fn record(journal: Arc<Journal>, order: Order) -> anyhow::Result<()> {
    let mut placed = pin!(journal.append(order.placed()));
    tokio::select! {
        () = &mut placed => return Ok(()),
        () = sleep(PATIENCE) => {}
    }
    journal.append(order.report()).await;
    placed.await;
    Ok(())
}
