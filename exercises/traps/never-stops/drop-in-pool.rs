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

use anyhow::{Context, ensure};
use lab_exercises::orders::{self, DRAIN_DEADLINE, Service};
use std::process::ExitCode;
use std::sync::mpsc::{self, Sender};
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
    let (ended, end) = mpsc::channel();
    service.tasks.clone().spawn(supervise(service, ended));
    end.recv().context("the supervisor has died")?.check()
}

/// Waits for the request to stop, lets the accepted orders be answered, and ends the runtime.
async fn supervise(service: Service, ended: Sender<Drained>) -> anyhow::Result<()> {
    service.stop.requested().await?;
    let drained = drain(&service).await;
    // To drop a runtime is to wait for its threads: a thread that may block does that.
    tokio::task::spawn_blocking(move || {
        drop(service.runtime);
        ended.send(drained)
    });
    Ok(())
}

/// Takes no more orders, and waits for the answers to those that were accepted.
async fn drain(service: &Service) -> Drained {
    let begin = Instant::now();
    service.drain().await;
    Drained { unanswered: service.requests.count(), took: begin.elapsed() }
}
