//! A supervisor task has `shutdown_timeout` called on a thread of the blocking pool.

use crate::service::{SHUTDOWN_DEADLINE, Service};
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until a stop is requested.
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
