//! Never stops.
//!
//! Every deploy asks the order service to stop. It takes no more orders, answers those that it has
//! accepted, closes its sockets and logs how long that took. Then nothing happens any more: no core
//! is busy, no task is alive as far as the console can see, and the process is still there when the
//! platform loses patience and kills it. The deploy of forty pods takes twenty minutes.
//!
//! TODO(lab): when the service is asked to stop, every accepted order must be answered, and the
//! process must end by itself, well before its shutdown deadline.
//!
//!     cargo lab exercise check never-stops

use anyhow::ensure;
use lab_exercises::orders::{self, DRAIN_DEADLINE, SHUTDOWN_DEADLINE, Service};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    lab_exercises::run(|cx| orders::serve(cx, serve))
}

/// How the orders that were accepted came to their end.
#[derive(Clone, Copy, Debug)]
struct Drained {
    unanswered: usize,
    took: Duration,
}

impl Drained {
    /// Rejects an end that customers have noticed.
    fn check(self) -> anyhow::Result<()> {
        ensure!(self.unanswered == 0, "{} orders have no answer", self.unanswered);
        ensure!(self.took < DRAIN_DEADLINE, "the last answer took {:?}", self.took);
        Ok(())
    }
}

/// Runs the service until it is asked to stop.
fn serve(service: Service) -> anyhow::Result<()> {
    let drained = service.runtime.block_on(supervise(&service))?;
    service.runtime.shutdown_timeout(SHUTDOWN_DEADLINE);
    drained.check()
}

/// Waits for the request to stop, and lets the accepted orders be answered.
async fn supervise(service: &Service) -> anyhow::Result<Drained> {
    service.stop.requested().await?;
    Ok(drain(service).await)
}

/// Takes no more orders, and waits for the answers to those that were accepted.
async fn drain(service: &Service) -> Drained {
    let begin = Instant::now();
    service.drain().await;
    Drained { unanswered: service.requests.count(), took: begin.elapsed() }
}
