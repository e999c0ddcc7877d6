//! The end of the service.

use crate::mystery::Service;
use anyhow::Context;

/// Runs the service until it is stopped, and answers what it has accepted.
pub fn run_until_stopped(service: Service) -> anyhow::Result<()> {
    let (ended, end) = std::sync::mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.drain().await;
        tokio::task::block_in_place(|| drop(service.runtime));
        anyhow::Ok(ended.send(())?)
    });
    end.recv().context("the supervisor died")
}
