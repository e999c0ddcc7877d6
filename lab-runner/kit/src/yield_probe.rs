//! The yield probe: a task that times `yield_now` on request, as many services do to monitor their
//! own runtime.
//!
//! It is here to be compared with what really happened. While a task holds the worker the probe
//! does not even receive the question, and what it times afterwards is a runtime that is well
//! again.

use crate::clock;
use atomic_waker::AtomicWaker;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// Where the probe is spawned, by which its task is known.
pub const SPAWNED_IN: &str = file!();

/// A probe on a runtime, with one request at a time. Dropping it ends its task.
#[derive(Debug)]
pub struct YieldProbe {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Shared {
    waker: AtomicWaker,
    /// When its last request came, when it yielded then, and when it was back; 0 for what has not
    /// been.
    asked_ns: AtomicU64,
    yielded_ns: AtomicU64,
    answered_ns: AtomicU64,
}

/// A question and what became of it so far. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When the request came.
    pub asked_ns: u64,
    /// When the task heard of it and yielded.
    pub yielded_ns: Option<u64>,
    /// When the yield was over.
    pub answered_ns: Option<u64>,
}

impl YieldProbe {
    /// Puts a probe on a runtime.
    pub fn start(handle: &Handle) -> YieldProbe {
        let shared = Arc::<Shared>::default();
        let task = handle.spawn(answer(Arc::clone(&shared))).abort_handle();
        YieldProbe { shared, task }
    }

    /// Asks how long a yield takes, unless the question before is still open.
    pub fn ask(&self) {
        let Shared { waker, asked_ns, yielded_ns, answered_ns } = &*self.shared;
        if asked_ns.load(Ordering::Relaxed) != 0 && answered_ns.load(Ordering::Acquire) == 0 {
            return;
        }
        yielded_ns.store(0, Ordering::Relaxed);
        answered_ns.store(0, Ordering::Relaxed);
        asked_ns.store(clock::now_ns(), Ordering::Release);
        waker.wake();
    }

    /// The last question; none if there was none.
    pub fn last(&self) -> Option<Asked> {
        let Shared { asked_ns, yielded_ns, answered_ns, .. } = &*self.shared;
        let some = |at: &AtomicU64| Some(at.load(Ordering::Acquire)).filter(|ns| *ns != 0);
        let answered_ns = some(answered_ns);
        Some(Asked { asked_ns: some(asked_ns)?, yielded_ns: some(yielded_ns), answered_ns })
    }
}

impl Drop for YieldProbe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(shared: Arc<Shared>) {
    let mut last_ns = 0;
    loop {
        last_ns = next_question(&shared, last_ns).await;
        shared.yielded_ns.store(clock::now_ns(), Ordering::Release);
        tokio::task::yield_now().await;
        shared.answered_ns.store(clock::now_ns(), Ordering::Release);
    }
}

async fn next_question(shared: &Shared, last_ns: u64) -> u64 {
    poll_fn(|context| {
        shared.waker.register(context.waker());
        match shared.asked_ns.load(Ordering::Acquire) {
            asked_ns if asked_ns == last_ns => Poll::Pending,
            asked_ns => Poll::Ready(asked_ns),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    fn last_answer(probe: &YieldProbe) -> Asked {
        loop {
            match probe.last() {
                Some(asked) if asked.answered_ns.is_some() => return asked,
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    #[test]
    fn it_times_a_yield_and_is_blind_while_the_worker_is_held() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let probe = YieldProbe::start(runtime.handle());
        assert_eq!(probe.last(), None);
        probe.ask();
        let first = last_answer(&probe);
        let (begun, held) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        runtime.spawn(async move {
            begun.send(()).unwrap();
            released.recv().unwrap(); // holds the only worker
        });
        held.recv().unwrap();
        probe.ask();
        probe.ask(); // is not asked again
        thread::sleep(Duration::from_millis(30));
        let open = probe.last().unwrap();
        assert!(
            open.asked_ns > first.asked_ns
                && open.yielded_ns.is_none()
                && open.answered_ns.is_none()
        );
        release.send(()).unwrap();
        let second = last_answer(&probe);
        assert_eq!(second.asked_ns, open.asked_ns);
        assert!(
            second.yielded_ns.unwrap() - second.asked_ns > 25_000_000,
            "nobody times that: {second:?}"
        );
        assert!(second.yielded_ns <= second.answered_ns);
    }
}
