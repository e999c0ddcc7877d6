//! The portfolio is valued in slices, between which the task yields.

use crate::portfolio::{PATHS, Portfolio, Valuation, Valuations};
use std::sync::Arc;
use tokio::task::yield_now;
use tokio::time::sleep;

/// Paths of a slice, which takes about a millisecond.
const SLICE: u64 = PATHS / 125;

/// Values the portfolio again and again, with a pause before each valuation.
pub async fn revalue(portfolio: Arc<Portfolio>, valuations: Valuations) -> anyhow::Result<()> {
    loop {
        sleep(portfolio.pause).await;
        let mut valuation = Valuation::default();
        for slice in 0..PATHS / SLICE {
            let first = slice * SLICE;
            valuation = valuation.and(portfolio.simulate_paths(first..first + SLICE));
            yield_now().await;
        }
        valuations.publish(valuation);
    }
}
