//! The portfolio is valued on a thread of the blocking pool.

use crate::portfolio::{Portfolio, Valuations};
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Values the portfolio again and again, with a pause before each valuation.
pub async fn revalue(portfolio: Arc<Portfolio>, valuations: Valuations) -> anyhow::Result<()> {
    loop {
        sleep(portfolio.pause).await;
        let of_today = Arc::clone(&portfolio);
        let valuation = spawn_blocking(move || of_today.simulate()).await?;
        valuations.publish(valuation);
    }
}
