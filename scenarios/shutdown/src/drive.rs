//! The harness of all variants: a service under load, which is stopped while requests are in
//! flight.

use crate::service::{InFlight, SHUTDOWN_DEADLINE, Service, Stop};
use lab_kit::{Counter, Cx, Requests, Stopwatch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Handle;

/// Time to answer a request.
pub const TAKES: Duration = Duration::from_millis(40);
/// Time to answer a request in [`drive_slow`].
const LONG: Duration = Duration::from_millis(600);

/// Runs the service on the load's workers.
pub fn drive(cx: &Cx, serve: fn(Service) -> anyhow::Result<()>) -> anyhow::Result<()> {
    drive_with(cx, cx.load().workers, TAKES, serve)
}

/// Runs the service with requests that take long.
pub fn drive_slow(cx: &Cx, serve: fn(Service) -> anyhow::Result<()>) -> anyhow::Result<()> {
    drive_with(cx, cx.load().workers, LONG, serve)
}

/// Runs the service on `workers` worker threads, with requests that take `takes`.
pub fn drive_with(
    cx: &Cx,
    workers: usize,
    takes: Duration,
    serve: fn(Service) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut builder = cx.runtime();
    builder.worker_threads(workers);
    let runtime = cx.build(builder)?;
    let service = Service::new(runtime);
    cx.probe().counter("shutdown_deadline_us")?.set(SHUTDOWN_DEADLINE.as_micros() as u64);
    let quiesce = cx.probe().stopwatch("quiesce")?;
    let tasks = TaskCount::start(
        &service,
        cx.probe().counter("tasks_left")?,
        cx.probe().counter("tokio_tasks_left")?,
    )?;
    // Before anything waits for the load: a load that cannot be started, for lack of disk space for
    // example, must be an error and not a hang.
    let requests = start(cx, service.runtime.handle(), Arc::clone(&service.requests), takes)?;
    thread::scope(|scope| {
        let load = Clients { stop: service.stop.clone(), quiesce: quiesce.clone() };
        let clients = thread::Builder::new().name("clients".into());
        let clients = clients.spawn_scoped(scope, move || {
            let _stops = StopAtTheEnd(load.stop.clone());
            load.run(requests)
        })?;
        let served = serve(service);
        if served.is_ok() {
            quiesce.end();
        }
        tasks.stop();
        let loaded = clients.join().map_err(|_| anyhow::anyhow!("the clients' thread panicked"))?;
        loaded.and(served)
    })
}

/// Starts the load on the service.
fn start(
    cx: &Cx,
    handle: &Handle,
    in_flight: Arc<InFlight>,
    takes: Duration,
) -> anyhow::Result<Requests> {
    cx.requests(handle, move |_request| {
        let in_flight = Arc::clone(&in_flight);
        // An aborted request is lost: its client has no answer.
        async move { in_flight.answer(takes).await.ok() }
    })
}

/// The clients: they send requests until the service stops, and stop it after the measured time.
struct Clients {
    stop: Stop,
    quiesce: Stopwatch,
}

impl Clients {
    fn run(self, mut requests: Requests) -> anyhow::Result<()> {
        while !requests.is_sent() && !self.stop.is_requested() {
            thread::sleep(Duration::from_millis(1));
        }
        requests.stop()?;
        self.quiesce.begin();
        self.stop.request();
        requests.finish()
    }
}

/// Requests the stop when it is dropped, also after an error or a panic.
struct StopAtTheEnd(Stop);

impl Drop for StopAtTheEnd {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Counts the live tasks from a thread outside the runtime, so that the last count survives a hang.
struct TaskCount {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl TaskCount {
    /// Publishes the scenario's own count in `left`, and tokio's count in `tokio_left`.
    fn start(service: &Service, left: Counter, tokio_left: Counter) -> anyhow::Result<TaskCount> {
        let stop = Arc::<AtomicBool>::default();
        let (tasks, requests) = (service.tasks.clone(), Arc::clone(&service.requests));
        let (metrics, until) = (service.runtime.handle().metrics(), Arc::clone(&stop));
        let count = move || {
            left.set((tasks.live() + requests.count()) as u64);
            tokio_left.set(metrics.num_alive_tasks() as u64);
        };
        let thread = thread::Builder::new().name("task-count".into()).spawn(move || {
            while !until.load(Ordering::Acquire) {
                count();
                thread::sleep(Duration::from_millis(5));
            }
            count();
        })?;
        Ok(TaskCount { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.join();
    }
}
