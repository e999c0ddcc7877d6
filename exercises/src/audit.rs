//! The order desk and its audit trail, on a disk that pauses at times.

use lab_kit::Cx;
use scenario_await::drive::{disk, drive};
use std::sync::Arc;

pub use scenario_await::journal::{Disk, Entry, Order};

/// Runs the order desk under its load: each request is an order. `open` opens the trail on its disk,
/// and `book` books an order. The disk counts what is written.
pub fn serve<J, F, Fut>(cx: &Cx, open: impl FnOnce(Disk) -> J, book: F) -> anyhow::Result<()>
where
    J: Send + Sync + 'static,
    F: Fn(Arc<J>, Order) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let trail = Arc::new(open(disk(cx)?));
    drive(cx, move |order| book(Arc::clone(&trail), order))
}
