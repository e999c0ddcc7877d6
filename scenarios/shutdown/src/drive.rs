//! What every variant runs through: a service under load, which is told to stop while requests are
//! in flight.

use crate::service::{InFlight, SHUTDOWN_DEADLINE, Service, Stop};
use lab_kit::{Counter, Cx, Requests, Stopwatch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Handle;

/// What a request takes to be answered.
pub const TAKES: Duration = Duration::from_millis(40);
/// The one in [`drive_slow`] that is accepted last and takes longest.
const LONG: Duration = Duration::from_millis(600);

/// The service on the load's workers.
pub fn drive(cx: &Cx, serve: fn(Service) -> anyhow::Result<()>) -> anyhow::Result<()> {
    drive_with(cx, cx.load().workers, TAKES, serve)
}

/// The service, with requests that take long.
pub fn drive_slow(cx: &Cx, serve: fn(Service) -> anyhow::Result<()>) -> anyhow::Result<()> {
    drive_with(cx, cx.load().workers, LONG, serve)
}

/// The service on this many workers, with requests that take this long.
pub fn drive_with(
    cx: &Cx,
    workers: usize,
    takes: Duration,
    serve: fn(Service) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let runtime = cx.runtime().worker_threads(workers).build()?;
    let service = Service::new(runtime);
    cx.probe().counter("shutdown_deadline_us")?.set(SHUTDOWN_DEADLINE.as_micros() as u64);
    let quiesce = cx.probe().stopwatch("quiesce")?;
    let tasks = TaskCount::start(
        &service,
        cx.probe().counter("tasks_left")?,
        cx.probe().counter("tokio_tasks_left")?,
    )?;
    // Before anybody waits for anything: a load that cannot be made, for want of disk space say, is
    // no hang.
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

/// Puts the load on the service.
fn start(
    cx: &Cx,
    handle: &Handle,
    in_flight: Arc<InFlight>,
    takes: Duration,
) -> anyhow::Result<Requests> {
    cx.requests(handle, move |_request| {
        let in_flight = Arc::clone(&in_flight);
        // A client whose request is cut off has no answer.
        async move { in_flight.answer(takes).await.ok() }
    })
}

/// Those who send requests until the service stops, and who stop it when the measured time is over.
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

/// Asks for the stop when it is dropped, whatever happened before.
struct StopAtTheEnd(Stop);

impl Drop for StopAtTheEnd {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Keeps count of the runtime's live tasks from outside, so that the last count survives a hang.
struct TaskCount {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl TaskCount {
    /// Counts into `left`, and what tokio itself counts into `tokio_left`.
    fn start(service: &Service, left: Counter, tokio_left: Counter) -> anyhow::Result<TaskCount> {
        let stop = Arc::<AtomicBool>::default();
        let (tasks, requests) = (service.tasks.clone(), Arc::clone(&service.requests));
        let (metrics, until) = (service.runtime.handle().metrics(), Arc::clone(&stop));
        let count = move || {
            left.set((tasks.live() + requests.count()) as u64);
            tokio_left.set(metrics.num_alive_tasks() as u64);
        };
        let watch = move || {
            while !until.load(Ordering::Acquire) {
                count();
                thread::sleep(Duration::from_millis(5));
            }
            count();
        };
        let thread = thread::Builder::new().name("task-count".into()).spawn(watch)?;
        Ok(TaskCount { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.join();
    }
}
