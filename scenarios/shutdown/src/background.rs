//! The supervisor inside the service lets go of the runtime without waiting for anything.

use crate::service::Service;
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until it is told to stop.
pub fn serve(service: Service) -> anyhow::Result<()> {
    let (ended, end) = mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.runtime.shutdown_background();
        anyhow::Ok(ended.send(())?)
    });
    end.recv().context("the supervisor died")
}
