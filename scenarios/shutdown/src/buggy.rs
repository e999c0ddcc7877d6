//! A supervisor inside the service ends it: the last owner of the runtime is a task of that
//! runtime.

use crate::service::Service;
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until it is told to stop.
pub fn serve(service: Service) -> anyhow::Result<()> {
    let (ended, end) = mpsc::channel();
    service.tasks.clone().spawn(async move {
        service.stop.requested().await?;
        service.drain().await;
        tokio::task::block_in_place(|| drop(service.runtime));
        anyhow::Ok(ended.send(())?)
    });
    end.recv().context("the supervisor died")
}
