//! The main thread ends the service: it owns the runtime, and gives it a deadline.

use crate::service::{SHUTDOWN_DEADLINE, Service};

/// Runs the service until it is told to stop.
pub fn serve(service: Service) -> anyhow::Result<()> {
    service.runtime.block_on(async {
        service.stop.requested().await?;
        service.drain().await;
        anyhow::Ok(())
    })?;
    service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    Ok(())
}
