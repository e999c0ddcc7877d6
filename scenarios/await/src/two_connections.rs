//! The journal is a table. Every third order is large, and has a second entry in it.

use crate::journal::{Entry, Order};
use crate::pool::Pool;

/// Records an order. Returns when its entries are on the disk.
pub async fn record(pool: Pool, order: Order) -> anyhow::Result<()> {
    let mut transaction = pool.connection().await?;
    if order.number.is_multiple_of(3) {
        note(&pool, order.report()).await?;
    }
    transaction.insert(order.placed()).await;
    Ok(())
}

/// Inserts an entry outside of any transaction, so that it stays if that is rolled back.
async fn note(pool: &Pool, entry: Entry) -> anyhow::Result<()> {
    pool.connection().await?.insert(entry).await;
    Ok(())
}
