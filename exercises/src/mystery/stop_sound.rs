//! The end of the service.

use crate::mystery::{SHUTDOWN_DEADLINE, Service};

/// Runs the service until it is stopped, and answers what it has accepted.
pub fn run_until_stopped(service: Service) -> anyhow::Result<()> {
    service.runtime.block_on(async {
        service.stop.requested().await?;
        service.drain().await;
        anyhow::Ok(())
    })?;
    service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    Ok(())
}
