//! A supervisor task ends the runtime without waiting for anything.

use crate::service::Service;
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until a stop is requested.
pub fn serve(service: Service) -> anyhow::Result<()> {
    let (ended, end) = mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.runtime.shutdown_background();
        anyhow::Ok(ended.send(())?)
    });
    end.recv().context("the supervisor died")
}
