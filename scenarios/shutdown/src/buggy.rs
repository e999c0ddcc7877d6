//! A supervisor task ends the service. The task runs on the runtime that it drops, as its last
//! owner.

use crate::service::Service;
use anyhow::Context;
use std::sync::mpsc;

/// Runs the service until a stop is requested.
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
