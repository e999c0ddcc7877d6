//! The harness of all variants: orders, and a heartbeat that tells whether the runtime runs.

use crate::journal::{Disk, Order, PAUSES};
use lab_kit::{Cx, Request};
use std::time::Duration;

/// Runs the service on the load's workers. Each request is an order.
pub fn drive<F, Fut>(cx: &Cx, record: F) -> anyhow::Result<()>
where
    F: Fn(Order) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let runtime = cx.build(cx.runtime())?;
    let placed = cx.probe().counter("orders_placed")?;
    let requests = cx.requests(runtime.handle(), move |request: Request| {
        placed.add(1);
        record(Order { number: request.number })
    })?;
    cx.probe().counter("pause_us")?.set(PAUSES[1].as_micros() as u64);
    requests.wait_for_window();
    let heartbeat = cx.heartbeat(runtime.handle())?;
    requests.finish()?;
    heartbeat.stop();
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// A disk that reports to the probe.
pub fn disk(cx: &Cx) -> anyhow::Result<Disk> {
    Disk::new(cx.probe())
}
