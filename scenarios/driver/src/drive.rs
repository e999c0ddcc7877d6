//! The harness of all variants: a service that answers with prices, and beside it a task that
//! values the portfolio.
//!
//! No heartbeat measures freezes of the runtime. Its timer could be due in the same millisecond as
//! that of the valuation, and two tasks that are woken together wake the other worker too.

use crate::portfolio::{Portfolio, Valuations};
use lab_kit::{Cx, Request};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::sleep;

/// Time that the slow price feed takes.
const UPSTREAM: Duration = Duration::from_millis(60);

/// Runs the service on the load's workers, with a large portfolio.
pub fn drive<F, Fut>(cx: &Cx, revalue: F) -> anyhow::Result<()>
where
    F: FnOnce(Arc<Portfolio>, Valuations) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    drive_on(cx.build(cx.runtime())?, cx, Portfolio::large(), revalue)
}

/// Runs the service on a runtime of the caller.
pub fn drive_on<F, Fut>(
    runtime: Runtime,
    cx: &Cx,
    portfolio: Portfolio,
    revalue: F,
) -> anyhow::Result<()>
where
    F: FnOnce(Arc<Portfolio>, Valuations) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let portfolio = Arc::new(portfolio);
    let prices = Arc::clone(&portfolio);
    let answer = move |request: Request| {
        let prices = Arc::clone(&prices);
        async move {
            black_box(prices.price(request.number));
        }
    };
    let revalue = revalue(portfolio, Valuations::new(cx.probe())?);
    serve(runtime, cx, answer, revalue)
}

/// Runs the service with prices of a feed that takes its time.
pub fn drive_upstream<F, Fut>(cx: &Cx, revalue: F) -> anyhow::Result<()>
where
    F: FnOnce(Arc<Portfolio>, Valuations) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let revalue = revalue(Arc::new(Portfolio::large()), Valuations::new(cx.probe())?);
    serve(cx.build(cx.runtime())?, cx, |_request| sleep(UPSTREAM), revalue)
}

/// Answers requests beside the task that values the portfolio, which is given up with the load.
fn serve<H, A, Fut>(runtime: Runtime, cx: &Cx, answer: H, revalue: Fut) -> anyhow::Result<()>
where
    H: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let requests = cx.requests(runtime.handle(), answer)?;
    requests.wait_for_window();
    let revalue = runtime.spawn(revalue);
    requests.finish()?;
    revalue.abort();
    match runtime.block_on(revalue) {
        Err(error) if error.is_cancelled() => {}
        ended => ended??,
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}
