//! An order is recorded in the journal, and so is that this took long: both entries are polled
//! until both are written.

use crate::journal::{Journal, Order, PATIENCE};
use std::pin::pin;
use std::sync::Arc;
use tokio::time::sleep;

/// Records an order. Returns when its entry is on the disk.
pub async fn record(journal: Arc<Journal>, order: Order) -> anyhow::Result<()> {
    let mut placed = pin!(journal.append(order.placed()));
    tokio::select! {
        () = &mut placed => return Ok(()),
        () = sleep(PATIENCE) => {}
    }
    tokio::join!(placed, journal.append(order.report()));
    Ok(())
}
