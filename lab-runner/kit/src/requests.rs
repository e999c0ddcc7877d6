//! The open-loop request stream: pacer thread → slots → wake-up pipe → acceptor task → one task a
//! request.
//!
//! The acceptor plays a server's accept loop: it runs on the runtime under test, takes what was
//! sent and spawns a task for each. A runtime that does not get round to it accepts nothing, and
//! the requests wait, as in a listen backlog. It does not spend its task budget as
//! `TcpListener::accept` does, which accepts 128 connections a turn: the generator is to add no
//! limit of its own to those of the scheduler.

use crate::log::{Fate, RequestLog};
use crate::wake_pipe::{self, WakePipe};
use crate::{alloc, clock, pacer, request_task};
use lab_recording::request_log::Mark;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tracing::{Instrument, info_span};

/// Where the acceptor is spawned, by which its task is known.
pub const ACCEPTOR_SPAWNED_IN: &str = file!();

/// What a handler gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its place in the schedule, from 0, warm-up included.
    pub number: usize,
}

/// An answer to a request, which is what its handler's future returns: nothing, or a result. An
/// error is an answer too, and is counted as one with its own latency. A panic or a task that was
/// dropped is none.
pub trait Answer {
    /// Whether the answer is an error.
    fn is_error(&self) -> bool;

    /// Whether the client was answered at all.
    fn is_answer(&self) -> bool {
        true
    }
}

/// No answer is none: the connection was closed, or the request was cut off. It counts as lost.
impl<A: Answer> Answer for Option<A> {
    fn is_error(&self) -> bool {
        self.as_ref().is_some_and(Answer::is_error)
    }

    fn is_answer(&self) -> bool {
        self.as_ref().is_some_and(Answer::is_answer)
    }
}

impl Answer for () {
    fn is_error(&self) -> bool {
        false
    }
}

impl<T, E> Answer for Result<T, E> {
    fn is_error(&self) -> bool {
        self.is_err()
    }
}

/// A request stream that is under way. [`Requests::finish`] waits for its end.
#[derive(Debug)]
#[must_use = "a stream that is not finished leaves a recording without an end"]
pub struct Requests {
    shared: Arc<Shared>,
    pacer: Option<JoinHandle<()>>,
    drain: Duration,
}

/// What pacer, acceptor and requests share.
#[derive(Debug)]
struct Shared {
    log: RequestLog,
    wake_pipe: WakePipe,
    /// Set when nothing more is to be sent.
    stopped: AtomicBool,
    /// Requests that have been taken from the pacer.
    accepted: AtomicUsize,
    /// Requests that have ended, answered or lost.
    ended: AtomicUsize,
    /// Who waits for the last of them.
    waiter: Thread,
    /// Why the acceptor gave up, if it did.
    acceptor_failed: OnceLock<String>,
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
        }
    }
}

impl Requests {
    /// Starts the pacer and the acceptor. The caller becomes the thread that `finish` wakes.
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
            .spawn(move || for_pacer.pace(spare_core))?;
        Ok(Requests { shared, pacer: Some(pacer), drain })
    }

    /// Waits for the measured time to begin: what the load is to be measured beside is started now.
    pub fn wait_for_window(&self) {
        while clock::now_ns() < self.shared.log.window_ns {
            clock::sleep_until_ns(self.shared.log.window_ns);
        }
    }

    /// Whether everything was sent.
    pub fn is_sent(&self) -> bool {
        self.shared.sent() == self.shared.log.count
    }

    /// Sends nothing more, and gives the acceptor a moment to take what was sent: what follows is
    /// not offered.
    ///
    /// # Errors
    /// If the pacer's thread panicked.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        const A_MOMENT: Duration = Duration::from_millis(100);
        self.shared.stopped.store(true, Ordering::Release);
        self.join_pacer()?;
        self.shared.set(Mark::StoppedNs, clock::now_ns());
        let give_up_ns = clock::now_ns() + A_MOMENT.as_nanos() as u64;
        while self.shared.accepted.load(Ordering::Acquire) < self.shared.sent()
            && clock::now_ns() < give_up_ns
        {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn join_pacer(&mut self) -> anyhow::Result<()> {
        let joined = self.pacer.take().map_or(Ok(()), JoinHandle::join);
        joined.map_err(|_| anyhow::anyhow!("the pacer panicked"))
    }

    /// Waits until every request was sent and answered, or until the load's drain time after the
    /// last one is over. What is unanswered then is unfinished: recorded at its age, whatever
    /// happens to it later.
    ///
    /// # Errors
    /// If the pacer's thread panicked, or if the acceptor lost its wake-up pipe.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.join_pacer()?;
        let shared = self.shared;
        let give_up_ns = clock::now_ns() + self.drain.as_nanos() as u64;
        while shared.ended.load(Ordering::Acquire) < shared.sent() {
            let left = give_up_ns.saturating_sub(clock::now_ns());
            if left == 0 {
                break;
            }
            // The last request unparks the thread that started the stream; another one looks by
            // itself.
            thread::park_timeout(Duration::from_nanos(left).min(Duration::from_millis(50)));
        }
        shared.close();
        match shared.acceptor_failed.get() {
            Some(error) => anyhow::bail!("the acceptor of requests failed: {error}"),
            None => Ok(()),
        }
    }
}

impl Shared {
    /// The pacer's thread. Allocates nothing: what would is done by who starts it.
    fn pace(&self, spare_core: bool) {
        let goes_on = |_: &usize| !self.stopped.load(Ordering::Acquire);
        let due =
            (0..self.log.count).take_while(goes_on).map(|number| self.log.intended_ns(number));
        let cost = pacer::follow(due, spare_core, |number, now_ns| {
            self.log.send(number, now_ns);
            if number + 1 == self.log.excluded.max(1) {
                self.set(Mark::CpuBeginNs, clock::process_cpu_ns() - clock::thread_cpu_ns());
                self.note_allocs(Mark::AllocsBegin, Mark::AllocBytesBegin);
            }
            self.wake_pipe.ring()
        });
        self.set(Mark::PacerCpuNs, cost.cpu_ns);
        self.set(Mark::PacerSendNs, cost.send_ns);
        self.set(Mark::PacerWakeNs, cost.wake_ns);
        self.set(Mark::PacerWallNs, cost.wall_ns);
    }

    /// Ends the log: the process' CPU time without the pacer's, and the instant after which no end
    /// counts.
    fn close(&self) {
        let pacer = self.log.mark(Mark::PacerCpuNs).load(Ordering::Relaxed);
        self.set(Mark::CpuEndNs, clock::process_cpu_ns().saturating_sub(pacer));
        self.note_allocs(Mark::AllocsEnd, Mark::AllocBytesEnd);
        self.set(Mark::ClosedNs, clock::now_ns());
    }

    /// Allocations so far, if the allocator counts.
    fn note_allocs(&self, allocs: Mark, bytes: Mark) {
        if let Some(totals) = alloc::totals() {
            self.set(allocs, totals.allocs);
            self.set(bytes, totals.bytes);
        }
    }

    fn set(&self, mark: Mark, value: u64) {
        self.log.mark(mark).store(value, Ordering::Relaxed);
    }

    fn sent(&self) -> usize {
        self.log.mark(Mark::Sent).load(Ordering::SeqCst) as usize
    }
}

/// The acceptor. If it fails nothing more is accepted, which [`Requests::finish`] reports.
async fn accept<F, Fut>(shared: Arc<Shared>, listen: pipe::Receiver, handler: F)
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Answer> + Send + 'static,
{
    if let Err(error) = accept_all(&shared, listen, Arc::new(handler)).await {
        let _ = shared.acceptor_failed.set(error.to_string());
    }
}

/// Spawns a task for each request that was sent, sleeps when there is none.
async fn accept_all<F, Fut>(
    shared: &Arc<Shared>,
    listen: pipe::Receiver,
    handler: Arc<F>,
) -> io::Result<()>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Answer> + Send + 'static,
{
    let mut next = 0;
    while next < shared.log.count {
        if next < shared.sent() {
            let slot = Slot { shared: Arc::clone(shared), number: next, fate: Fate::Lost };
            // From here on, so that it tells how long the task waits for its first poll. Without a
            // subscriber it is nothing.
            let span = info_span!(parent: None, "request", id = next);
            request_task::spawn(serve(slot, Arc::clone(&handler)).instrument(span));
            next += 1;
            shared.accepted.store(next, Ordering::Release);
            continue;
        }
        shared.wake_pipe.say_asleep();
        if next == shared.sent() {
            wake_pipe::heard(&listen).await?;
        } else {
            shared.wake_pipe.say_awake();
        }
    }
    Ok(())
}

/// A request's task. The handler is called inside it: what it does before its first `.await` is
/// service, and its panic is its own.
async fn serve<F, Fut>(mut slot: Slot, handler: Arc<F>)
where
    F: Fn(Request) -> Fut + Send + Sync,
    Fut: Future<Output: Answer>,
{
    slot.shared.log.first_poll(slot.number);
    let answer = handler(Request { number: slot.number }).await;
    slot.fate = match (answer.is_answer(), answer.is_error()) {
        (false, _) => Fate::Lost,
        (true, true) => Fate::AnsweredWithAnError,
        (true, false) => Fate::Answered,
    };
}

/// A request's slot while its task lives. Dropping it unanswered, by a panic, an abort or the
/// runtime's end, is how a request gets lost.
struct Slot {
    shared: Arc<Shared>,
    number: usize,
    fate: Fate,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.log.end(self.number, self.fate);
        let ended = self.shared.ended.fetch_add(1, Ordering::AcqRel) + 1;
        let stopped = self.shared.stopped.load(Ordering::Acquire);
        // While the load goes on only the very last one is waited for: waking its waiter more often
        // would be work that the service under test pays for.
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
        wake_pipe.say_asleep(); // so that it is rung at least once
        let shared = Shared::new(log, wake_pipe);
        let before = alloc::of_this_thread();
        assert!(before.allocs > 0, "the counter counts");
        shared.pace(true);
        assert_eq!(alloc::of_this_thread(), before);
        assert_eq!(shared.sent(), 200);
    }

    #[test]
    fn without_a_subscriber_a_span_is_nothing() {
        let before = alloc::of_this_thread();
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
        assert_eq!(alloc::of_this_thread(), before);
    }
}
