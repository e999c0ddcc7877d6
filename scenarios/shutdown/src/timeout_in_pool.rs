//! The supervisor calls `shutdown_timeout` on a thread of the blocking pool.

use crate::service::{SHUTDOWN_DEADLINE, Service};
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until it is told to stop.
pub fn serve(service: Service) -> anyhow::Result<()> {
    let (ended, end) = mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.drain().await;
        tokio::task::spawn_blocking(move || {
            service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
            ended.send(())
        });
        anyhow::Ok(())
    });
    end.recv().context("the supervisor died")
}
