//! The yield probe: a task that times `yield_now` periodically, as many services do to monitor
//! their own runtime.
//!
//! The scheduler recording compares it with the real delays. The probe has a blind spot: while a
//! poll occupies the worker, the probe's task is not polled, so it does not start its clock. It
//! yields only afterwards, when the runtime is responsive again. *Example:* a poll of 500 ms begins
//! just before the request of a measurement; the probe is polled 500 ms later and reports a yield
//! of 20 µs.

use crate::clock;
use atomic_waker::AtomicWaker;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// The source file in which the probe is spawned, which identifies its task in a recording of the
/// scheduler.
pub const SPAWNED_IN: &str = file!();

/// A probe on a runtime, with one measurement at a time. Dropping it ends its task.
#[derive(Debug)]
pub struct YieldProbe {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Shared {
    waker: AtomicWaker,
    /// Times of the last measurement, as in [`YieldTiming`]; 0 if not reached yet.
    requested_ns: AtomicU64,
    yielded_ns: AtomicU64,
    resumed_ns: AtomicU64,
}

/// A measurement. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YieldTiming {
    /// When the measurement was requested.
    pub requested_ns: u64,
    /// When the probe's task was polled and yielded; none if it was not polled yet.
    pub yielded_ns: Option<u64>,
    /// When the probe's task was polled after the yield; none if it was not polled yet.
    pub resumed_ns: Option<u64>,
}

impl YieldProbe {
    /// Starts a probe on a runtime.
    pub fn start(handle: &Handle) -> YieldProbe {
        let shared = Arc::<Shared>::default();
        let task = handle.spawn(measure_on_request(Arc::clone(&shared))).abort_handle();
        YieldProbe { shared, task }
    }

    /// Requests a measurement, unless one is in progress.
    pub fn request(&self) {
        let Shared { waker, requested_ns, yielded_ns, resumed_ns } = &*self.shared;
        if requested_ns.load(Ordering::Relaxed) != 0 && resumed_ns.load(Ordering::Acquire) == 0 {
            return;
        }
        yielded_ns.store(0, Ordering::Relaxed);
        resumed_ns.store(0, Ordering::Relaxed);
        requested_ns.store(clock::now_ns(), Ordering::Release);
        waker.wake();
    }

    /// The last measurement; none if none was requested.
    pub fn last(&self) -> Option<YieldTiming> {
        let Shared { requested_ns, yielded_ns, resumed_ns, .. } = &*self.shared;
        let reached = |at: &AtomicU64| Some(at.load(Ordering::Acquire)).filter(|ns| *ns != 0);
        // In this order: a time that is read as reached has the earlier times behind it.
        let resumed_ns = reached(resumed_ns);
        Some(YieldTiming {
            requested_ns: reached(requested_ns)?,
            yielded_ns: reached(yielded_ns),
            resumed_ns,
        })
    }
}

impl Drop for YieldProbe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn measure_on_request(shared: Arc<Shared>) {
    let mut last_ns = 0;
    loop {
        last_ns = next_request(&shared, last_ns).await;
        shared.yielded_ns.store(clock::now_ns(), Ordering::Release);
        tokio::task::yield_now().await;
        shared.resumed_ns.store(clock::now_ns(), Ordering::Release);
    }
}

async fn next_request(shared: &Shared, last_ns: u64) -> u64 {
    poll_fn(|context| {
        shared.waker.register(context.waker());
        match shared.requested_ns.load(Ordering::Acquire) {
            requested_ns if requested_ns == last_ns => Poll::Pending,
            requested_ns => Poll::Ready(requested_ns),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    fn wait_for_timing(probe: &YieldProbe) -> YieldTiming {
        loop {
            match probe.last() {
                Some(timing) if timing.resumed_ns.is_some() => return timing,
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    #[test]
    fn a_yield_is_timed_and_the_wait_of_the_probe_itself_is_not() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let probe = YieldProbe::start(runtime.handle());
        assert_eq!(probe.last(), None);
        probe.request();
        let first = wait_for_timing(&probe);
        let (begun, held) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        runtime.spawn(async move {
            begun.send(()).unwrap();
            released.recv().unwrap(); // blocks the only worker
        });
        held.recv().unwrap();
        probe.request();
        probe.request(); // ignored: a measurement is in progress
        thread::sleep(Duration::from_millis(30));
        let open = probe.last().unwrap();
        assert!(
            open.requested_ns > first.requested_ns
                && open.yielded_ns.is_none()
                && open.resumed_ns.is_none()
        );
        release.send(()).unwrap();
        let second = wait_for_timing(&probe);
        assert_eq!(second.requested_ns, open.requested_ns);
        assert!(
            second.yielded_ns.unwrap() - second.requested_ns > 25_000_000,
            "the blind spot: {second:?}"
        );
        assert!(second.yielded_ns <= second.resumed_ns);
    }
}
