//! A supervisor task has the runtime dropped on a thread of the runtime's own blocking pool.

use crate::service::Service;
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until a stop is requested.
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
