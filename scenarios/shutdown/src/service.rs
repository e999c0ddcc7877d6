//! The service that all variants share: it answers requests on its own runtime until it is stopped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span, instrument};

/// How long accepted requests may take to be answered once the service is stopping.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(2);
/// How long the shutdown of the runtime may take after that.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);

/// A running service.
#[derive(Debug)]
pub struct Service {
    /// The runtime of all tasks and requests.
    pub runtime: Runtime,
    /// The tasks of the service itself.
    pub tasks: Tasks,
    /// The request to stop.
    pub stop: Stop,
    /// The accepted requests.
    pub requests: Arc<InFlight>,
}

impl Service {
    /// A service on a runtime.
    pub fn new(runtime: Runtime) -> Service {
        let tasks = Tasks { runtime: runtime.handle().clone(), live: Arc::default() };
        Service { runtime, tasks, stop: Stop::default(), requests: Arc::default() }
    }

    /// Accepts no more requests, and waits until accepted ones are answered or the deadline passes.
    #[instrument(skip_all)]
    pub async fn drain(&self) {
        self.requests.close();
        let _ = tokio::time::timeout(DRAIN_DEADLINE, self.requests.answered()).await;
    }
}

/// The tasks of the service itself, counted for as long as they exist.
///
/// Tokio's own count of live tasks is of no use here: it drops to zero when the shutdown of the
/// runtime begins, although some tasks still exist and block the shutdown.
#[derive(Clone, Debug)]
pub struct Tasks {
    runtime: Handle,
    live: Arc<AtomicUsize>,
}

impl Tasks {
    /// Spawns a task of the service.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) {
        self.live.fetch_add(1, Ordering::Relaxed);
        let until_dropped = Live(Arc::clone(&self.live));
        let task = async move {
            let _until_dropped = until_dropped;
            task.await
        };
        self.runtime.spawn(task.instrument(info_span!(parent: None, "task")));
    }

    /// Number of tasks that exist.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }
}

struct Live(Arc<AtomicUsize>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request to stop, by a signal or by the program itself.
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Requests the stop.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits for Ctrl-C, SIGTERM or [`Stop::request`].
    pub async fn requested(&self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            () = self.0.cancelled() => {}
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        self.request();
        Ok(())
    }
}

/// Accepted requests without an answer yet.
#[derive(Debug, Default)]
pub struct InFlight {
    closing: CancellationToken,
    tasks: TaskTracker,
    aborts: Mutex<Vec<AbortHandle>>,
}

/// The error of a request that was aborted.
#[derive(Debug)]
pub struct Aborted;

impl InFlight {
    /// Answers a request after `takes`, or at once with a refusal if the service is stopping.
    ///
    /// # Errors
    /// If the request is aborted before its answer.
    #[instrument(skip_all)]
    pub async fn answer(&self, takes: Duration) -> Result<(), Aborted> {
        if self.closing.is_cancelled() {
            return Ok(());
        }
        let request = self.tasks.spawn(tokio::time::sleep(takes));
        self.aborts.lock().unwrap_or_else(PoisonError::into_inner).push(request.abort_handle());
        request.await.map_err(|_| Aborted)
    }

    /// Number of requests in flight.
    pub fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Accepts no more requests.
    pub fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
    }

    /// Waits until every accepted request is answered.
    pub async fn answered(&self) {
        self.tasks.wait().await;
    }

    /// Aborts every request in flight.
    pub fn abort_all(&self) {
        self.aborts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .for_each(|request| request.abort());
    }
}
