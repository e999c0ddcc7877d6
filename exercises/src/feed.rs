//! The feed: prices that are published to everybody who is connected, and clients that come, ask a
//! few times, and hang up.

use lab_kit::Cx;
use scenario_leak::drive::drive;
use std::sync::Arc;

pub use scenario_leak::service::{Client, Publish, Update};

/// Runs the feed under its load: each request is the visit of a client, and updates are published to
/// the hub from a thread of their own, from the first visit until everything is counted.
///
/// What is alive is counted when the last client has hung up and the runtime had time to end what is
/// to end. A client compares each update with the one that was published.
pub fn serve<H, F, Fut>(cx: &Cx, hub: H, visit: F) -> anyhow::Result<()>
where
    H: Publish,
    F: Fn(Arc<H>, Client) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    drive(cx, Arc::new(hub), visit)
}
