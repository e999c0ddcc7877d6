//! The main thread ends the service, and aborts requests in flight to be quick.

use crate::service::{SHUTDOWN_DEADLINE, Service};

/// Runs the service until a stop is requested.
pub fn serve(service: Service) -> anyhow::Result<()> {
    service.runtime.block_on(async {
        service.stop.requested().await?;
        service.requests.close();
        service.requests.abort_all();
        service.requests.answered().await;
        anyhow::Ok(())
    })?;
    service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    Ok(())
}
