//! The portfolio is valued in the task that waits until it is time for it.

use crate::portfolio::{Portfolio, Valuations};
use std::sync::Arc;
use tokio::time::sleep;

/// Values the portfolio again and again, with a pause before each valuation.
pub async fn revalue(portfolio: Arc<Portfolio>, valuations: Valuations) -> anyhow::Result<()> {
    loop {
        sleep(portfolio.pause).await;
        let valuation = portfolio.simulate();
        valuations.publish(valuation);
    }
}
