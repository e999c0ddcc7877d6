//! The supervisor has the runtime dropped on a thread of its blocking pool.

use crate::service::Service;
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until it is told to stop.
pub fn serve(service: Service) -> anyhow::Result<()> {
    let (ended, end) = mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.drain().await;
        tokio::task::spawn_blocking(move || {
            drop(service.runtime);
            ended.send(())
        });
        anyhow::Ok(())
    });
    end.recv().context("the supervisor died")
}
