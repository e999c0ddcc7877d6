//! Each valuation is a task of its own, which the other worker could take.

use crate::portfolio::{Portfolio, Valuation, Valuations};
use std::sync::Arc;
use tokio::time::sleep;

/// Values the portfolio again and again, with a pause before each valuation.
pub async fn revalue(portfolio: Arc<Portfolio>, valuations: Valuations) -> anyhow::Result<()> {
    loop {
        sleep(portfolio.pause).await;
        let valuation = tokio::spawn(value(Arc::clone(&portfolio))).await?;
        valuations.publish(valuation);
    }
}

/// Values the portfolio once.
async fn value(portfolio: Arc<Portfolio>) -> Valuation {
    portfolio.simulate()
}
