//! The main thread ends the service: it owns the runtime, and shuts it down with a deadline.

use crate::service::{SHUTDOWN_DEADLINE, Service};

/// Runs the service until a stop is requested.
pub fn serve(service: Service) -> anyhow::Result<()> {
    service.runtime.block_on(async {
        service.stop.requested().await?;
        service.drain().await;
        anyhow::Ok(())
    })?;
    service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    Ok(())
}
