//! A supervisor task calls `shutdown_timeout` in `block_in_place`, where blocking is allowed.

use crate::service::{SHUTDOWN_DEADLINE, Service};
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until a stop is requested.
pub fn serve(service: Service) -> anyhow::Result<()> {
    let (ended, end) = mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.drain().await;
        tokio::task::block_in_place(|| service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE));
        anyhow::Ok(ended.send(())?)
    });
    end.recv().context("the supervisor died")
}
