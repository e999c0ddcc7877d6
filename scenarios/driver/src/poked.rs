//! A thread that wakes a task of the runtime every few milliseconds.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// Time between two wakes.
const EVERY: Duration = Duration::from_millis(2);

/// Wakes a task that does nothing, until that task is dropped with its runtime.
///
/// # Errors
/// If there is no thread for it.
pub fn poke(runtime: &Handle) -> anyhow::Result<()> {
    let wake = Arc::new(Notify::new());
    let poked: Weak<Notify> = Arc::downgrade(&wake);
    runtime.spawn(async move {
        loop {
            wake.notified().await;
        }
    });
    thread::Builder::new().name("poker".into()).spawn(move || {
        while let Some(poked) = poked.upgrade() {
            poked.notify_one();
            drop(poked);
            thread::sleep(EVERY);
        }
    })?;
    Ok(())
}
