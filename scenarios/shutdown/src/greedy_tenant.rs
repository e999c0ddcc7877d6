//! The main thread drains the service and drops the runtime without a deadline, while one task
//! never yields.

use crate::service::Service;

/// Runs the service until a stop is requested.
pub fn serve(service: Service) -> anyhow::Result<()> {
    service.tasks.spawn(crunch());
    service.runtime.block_on(async {
        service.stop.requested().await?;
        service.drain().await;
        anyhow::Ok(())
    })?;
    drop(service.runtime);
    Ok(())
}

/// Computes without end and without an await.
async fn crunch() {
    let mut number = 27u64;
    loop {
        number = if number.is_multiple_of(2) {
            number / 2
        } else {
            number.wrapping_mul(3).wrapping_add(1)
        };
        std::hint::black_box(number);
    }
}
