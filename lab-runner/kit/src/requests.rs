//! The open-loop request stream: pacer thread → slots of the request log → wake-up pipe → acceptor
//! task → one task a request.
//!
//! The acceptor corresponds to the accept loop of a server: it runs on the runtime under test and
//! spawns a task for each request that was sent. While the runtime does not poll the acceptor, sent
//! requests wait, as in a listen backlog. The acceptor runs outside the task budget, unlike
//! `TcpListener::accept`, which yields after 128 connections: the load generator must not add a
//! limit to those of the scheduler.

use crate::log::{Outcome, RequestLog};
use crate::profiler_hooks::ProfilerHooks;
use crate::wake_pipe::{self, WakePipe};
use crate::{alloc, clock, follow, pacer, request_task};
use lab_recording::request_log::Mark;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::unconstrained;
use tracing::{Instrument, info_span};

/// The source file in which the acceptor is spawned, which identifies its task in a recording of
/// the scheduler.
pub const ACCEPTOR_SPAWNED_IN: &str = file!();

/// The argument of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Index in the schedule, from 0, warm-up included.
    pub number: usize,
}

/// The answer to a request: the output of the handler's future.
pub trait Answer {
    /// What the client gets.
    fn outcome(&self) -> Outcome;
}

/// `None` closes the connection without an answer.
impl<A: Answer> Answer for Option<A> {
    fn outcome(&self) -> Outcome {
        self.as_ref().map_or(Outcome::Dropped, Answer::outcome)
    }
}

impl Answer for () {
    fn outcome(&self) -> Outcome {
        Outcome::Answered
    }
}

/// An error is an answer too.
impl<T, E> Answer for Result<T, E> {
    fn outcome(&self) -> Outcome {
        if self.is_ok() { Outcome::Answered } else { Outcome::Refused }
    }
}

/// A running request stream. [`Requests::finish`] waits for its end.
#[derive(Debug)]
#[must_use = "a stream that is not finished leaves a recording without an end"]
pub struct Requests {
    shared: Arc<Shared>,
    pacer: Option<JoinHandle<()>>,
    drain: Duration,
    /// Called when the log is closed.
    profiler: Option<Arc<dyn ProfilerHooks>>,
}

/// The state that the pacer, the acceptor and the requests share.
#[derive(Debug)]
struct Shared {
    log: RequestLog,
    wake_pipe: WakePipe,
    /// Set when no more requests are to be sent.
    stopped: AtomicBool,
    /// Number of requests whose tasks were spawned.
    accepted: AtomicUsize,
    /// Number of requests that have ended, answered or lost.
    ended: AtomicUsize,
    /// The thread that waits for the last request.
    waiter: Thread,
    /// The error of the acceptor, if it failed.
    acceptor_failed: OnceLock<String>,
    /// Notified when the log is closed and the profiler has been called.
    closed: Notify,
}

impl Shared {
    fn new(log: RequestLog, wake_pipe: WakePipe) -> Shared {
        Shared {
            log,
            wake_pipe,
            stopped: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            waiter: thread::current(),
            acceptor_failed: OnceLock::new(),
            closed: Notify::new(),
        }
    }
}

impl Requests {
    /// Starts the pacer and the acceptor. The end of the last request unparks the calling thread.
    pub(crate) fn start<F, Fut>(
        log: RequestLog,
        drain: Duration,
        handle: &Handle,
        handler: F,
    ) -> io::Result<Requests>
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Answer> + Send + 'static,
    {
        let (wake_pipe, listen) = {
            let _context = handle.enter();
            WakePipe::new()?
        };
        let shared = Arc::new(Shared::new(log, wake_pipe));
        handle.spawn(unconstrained(accept(Arc::clone(&shared), listen, handler)));
        let cores = pacer::cores();
        let spare_core = cores > handle.metrics().num_workers();
        shared.set(Mark::Cores, cores as u64);
        shared.set(Mark::PacerSpins, u64::from(spare_core));
        let for_pacer = Arc::clone(&shared);
        let pacer = thread::Builder::new()
            .name("lab-pacer".into())
            .spawn(move || for_pacer.pace(spare_core))
            .map_err(|error| {
                let text = format!("cannot start the load generator's thread: {error}");
                io::Error::new(error.kind(), text)
            })?;
        Ok(Requests { shared, pacer: Some(pacer), drain, profiler: None })
    }

    /// The same stream under a profiler, which is called when the log is closed.
    pub(crate) fn profiled(self, profiler: Option<Arc<dyn ProfilerHooks>>) -> Requests {
        Requests { profiler, ..self }
    }

    /// Waits for the beginning of the measured time, at which a scenario starts its other work.
    pub fn wait_for_window(&self) {
        while clock::now_ns() < self.shared.log.window_ns {
            clock::sleep_until_ns(self.shared.log.window_ns);
        }
    }

    /// Whether all requests of the schedule were sent.
    pub fn is_sent(&self) -> bool {
        self.shared.sent() == self.shared.log.count
    }

    /// Stops sending, and waits up to 100 ms for the acceptor to accept the requests that were
    /// sent. The rest of the schedule is not offered.
    ///
    /// # Errors
    /// If the pacer's thread panicked.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        const LIMIT: Duration = Duration::from_millis(100);
        self.shared.stopped.store(true, Ordering::Release);
        self.join_pacer()?;
        self.shared.set(Mark::StoppedNs, clock::now_ns());
        let give_up_ns = clock::now_ns() + LIMIT.as_nanos() as u64;
        while self.shared.accepted.load(Ordering::Acquire) < self.shared.sent()
            && clock::now_ns() < give_up_ns
        {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn join_pacer(&mut self) -> anyhow::Result<()> {
        let joined = self.pacer.take().map_or(Ok(()), JoinHandle::join);
        joined.map_err(|_| anyhow::anyhow!("the load generator panicked"))
    }

    /// Waits until every request has ended, or until the load's drain time after the last one has
    /// passed. A request without an answer then is unfinished and counts at its age, whatever
    /// happens to it later.
    ///
    /// # Errors
    /// If the pacer's thread panicked, or if the acceptor cannot read its wake-up pipe.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.join_pacer()?;
        let shared = self.shared;
        let give_up_ns = clock::now_ns() + self.drain.as_nanos() as u64;
        while shared.ended.load(Ordering::Acquire) < shared.sent() {
            let left = give_up_ns.saturating_sub(clock::now_ns());
            if left == 0 {
                break;
            }
            // The last request unparks the thread that started the stream. If that is another
            // thread, this one checks every 50 ms.
            thread::park_timeout(Duration::from_nanos(left).min(Duration::from_millis(50)));
        }
        shared.close();
        // After the last mark of the log, so that the profiler's work is not in what was measured.
        self.profiler.iter().for_each(|profiler| profiler.load_ends());
        shared.closed.notify_one();
        match shared.acceptor_failed.get() {
            Some(error) => anyhow::bail!("the acceptor of requests failed: {error}"),
            None => Ok(()),
        }
    }
}

impl Shared {
    /// The body of the pacer's thread. Allocates nothing, so that it adds nothing to the counted
    /// allocations.
    fn pace(&self, spare_core: bool) {
        let due = (0..self.log.count)
            .take_while(|_| !self.stopped.load(Ordering::Acquire))
            .map(|number| self.log.intended_ns(number));
        let cost = pacer::follow(due, spare_core, |number, now_ns| {
            self.log.send(number, now_ns);
            // The last request of the warm-up, or the first request if there is no warm-up.
            if number + 1 == self.log.excluded.max(1) {
                self.set(Mark::CpuBeginNs, clock::process_cpu_ns() - clock::thread_cpu_ns());
                self.record_allocs(Mark::AllocsBegin, Mark::AllocBytesBegin);
                self.record_held(Mark::HeldBegin);
            }
            self.wake_pipe.wake()
        });
        self.set(Mark::PacerCpuNs, cost.cpu_ns);
        self.set(Mark::PacerSendNs, cost.send_ns);
        self.set(Mark::PacerWakeNs, cost.wake_ns);
        self.set(Mark::PacerWallNs, cost.wall_ns);
    }

    /// Closes the log: records the CPU time of the process without the pacer's, and the time after
    /// which no end of a request counts.
    fn close(&self) {
        let pacer = self.log.mark(Mark::PacerCpuNs).load(Ordering::Relaxed);
        self.set(Mark::CpuEndNs, clock::process_cpu_ns().saturating_sub(pacer));
        self.record_allocs(Mark::AllocsEnd, Mark::AllocBytesEnd);
        self.record_held(Mark::HeldEnd);
        self.set(Mark::ClosedNs, clock::now_ns());
    }

    /// Records the allocations so far, if the allocator counts.
    fn record_allocs(&self, allocs: Mark, bytes: Mark) {
        if let Some(totals) = alloc::totals() {
            self.set(allocs, totals.allocs);
            self.set(bytes, totals.bytes);
        }
    }

    /// Records the bytes that are allocated and not freed, if the allocator counts.
    fn record_held(&self, held: Mark) {
        if let Some(bytes) = alloc::held_bytes() {
            self.set(held, bytes);
        }
    }

    fn set(&self, mark: Mark, value: u64) {
        self.log.mark(mark).store(value, Ordering::Relaxed);
    }

    fn sent(&self) -> usize {
        self.log.mark(Mark::Sent).load(Ordering::SeqCst) as usize
    }
}

/// The acceptor's task. After an error no more requests are accepted; [`Requests::finish`] reports
/// it.
async fn accept<F, Fut>(shared: Arc<Shared>, listen: pipe::Receiver, handler: F)
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Answer> + Send + 'static,
{
    let handler = Arc::new(handler);
    if let Err(error) = accept_all(&shared, listen, &handler).await {
        let _ = shared.acceptor_failed.set(error.to_string());
    }
    // What the handler holds belongs to the service: it is there until the log is closed, also for a
    // profiler of memory.
    shared.closed.notified().await;
    drop(handler);
}

/// Spawns a task for each request that was sent, and sleeps while there is none.
async fn accept_all<F, Fut>(
    shared: &Arc<Shared>,
    listen: pipe::Receiver,
    handler: &Arc<F>,
) -> io::Result<()>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Answer> + Send + 'static,
{
    let mut next = 0;
    while next < shared.log.count {
        if next < shared.sent() {
            let request =
                OpenRequest { shared: Arc::clone(shared), number: next, outcome: Outcome::Dropped };
            // Made here and not in the task, so that the span includes the wait for the first poll.
            // Without a subscriber it costs nothing.
            let span = info_span!(parent: None, "request", id = next);
            request_task::spawn(serve(request, Arc::clone(handler)).instrument(span));
            next += 1;
            shared.accepted.store(next, Ordering::Release);
            continue;
        }
        // A request may have been sent between the check above and this announcement. The pacer did
        // not wake the acceptor for it, so the check is repeated.
        shared.wake_pipe.announce_sleep();
        if next == shared.sent() {
            wake_pipe::woken(&listen).await?;
        } else {
            shared.wake_pipe.cancel_sleep();
        }
    }
    Ok(())
}

/// The task of a request. It calls the handler itself, so that the time of the handler before its
/// first `.await` belongs to the request, and so does its panic.
async fn serve<F, Fut>(mut request: OpenRequest, handler: Arc<F>)
where
    F: Fn(Request) -> Fut + Send + Sync,
    Fut: Future<Output: Answer>,
{
    request.shared.log.first_poll(request.number);
    let future = handler(Request { number: request.number });
    request.outcome = follow::request(request.number, future).await.outcome();
}

/// A request whose task exists. Its drop records the end of the request. If the task is dropped
/// without an answer, by a panic, an abort or the shutdown of the runtime, the request is lost.
struct OpenRequest {
    shared: Arc<Shared>,
    number: usize,
    outcome: Outcome,
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.shared.log.end(self.number, self.outcome);
        let ended = self.shared.ended.fetch_add(1, Ordering::AcqRel) + 1;
        let stopped = self.shared.stopped.load(Ordering::Acquire);
        // Unparks the waiter only after the last request: each unpark is work on a thread of the
        // service under test.
        if ended == self.shared.log.count || (stopped && ended == self.shared.sent()) {
            self.shared.waiter.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::Load;

    #[test]
    fn the_pacer_allocates_nothing_while_it_paces() {
        let folder = tempfile::tempdir().unwrap();
        let load = Load { rate: 2_000.0, warmup_ms: 0, duration_ms: 100, ..Load::DEFAULT };
        let log = RequestLog::create(&folder.path().join("requests.bin"), &load, 0).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (wake_pipe, _listen) = runtime.block_on(async { WakePipe::new() }).unwrap();
        wake_pipe.announce_sleep(); // so that the pacer writes to the pipe at least once
        let shared = Shared::new(log, wake_pipe);
        let before = alloc::thread_totals();
        assert!(before.allocs > 0, "allocations are counted");
        shared.pace(true);
        assert_eq!(alloc::thread_totals(), before);
        assert_eq!(shared.sent(), 200);
    }

    #[test]
    fn a_span_without_a_subscriber_allocates_nothing() {
        let before = alloc::thread_totals();
        for number in 0..100 {
            let span = info_span!(parent: None, "request", id = std::hint::black_box(number));
            assert!(span.is_disabled());
            let inside = std::pin::pin!(async { number }.instrument(span));
            assert!(
                inside
                    .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
                    .is_ready()
            );
        }
        assert_eq!(alloc::thread_totals(), before);
    }
}
