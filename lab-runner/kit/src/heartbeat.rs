//! The heartbeat: how long a runtime was frozen, apart from a host that was.
//!
//! A task of the runtime notes the time at every beat. A plain OS thread beside it checks that time
//! just as often, so that a freeze is seen while it lasts and survives a kill; and it notes how
//! late itself was. Where both are late it was the machine.

use crate::{Counter, Probe, clock};
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// Where the heartbeat's task is spawned, by which it is known.
pub const SPAWNED_IN: &str = file!();

/// Between two beats. A freeze shorter than this may go unseen.
pub const PERIOD: Duration = Duration::from_millis(5);
const PERIOD_NS: u64 = PERIOD.as_nanos() as u64;

/// The longest freeze of the runtime, beyond the beat's own period.
pub const RUNTIME_FREEZE: &str = "runtime_freeze_us";
/// The same for an OS thread: what the machine did to everybody.
pub const MACHINE_FREEZE: &str = "machine_freeze_us";

/// A heartbeat under way. Dropping it stops it.
#[derive(Debug)]
pub struct Heartbeat {
    stop: Arc<AtomicBool>,
    task: AbortHandle,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub(crate) fn start(probe: &Probe, handle: &Handle) -> anyhow::Result<Heartbeat> {
        let watch = Watch {
            last_beat: Arc::new(AtomicU64::new(clock::now_ns())),
            stop: Arc::default(),
            runtime: probe.own_counter(RUNTIME_FREEZE)?,
            machine: probe.own_counter(MACHINE_FREEZE)?,
        };
        let stop = Arc::clone(&watch.stop);
        let task = handle.spawn(beat(Arc::clone(&watch.last_beat))).abort_handle();
        let thread = thread::Builder::new().name("lab-heartbeat".into()).spawn(move || watch.run());
        Ok(Heartbeat {
            stop,
            task,
            thread: Some(thread.context("cannot start the heartbeat's thread")?),
        })
    }

    /// Stops watching. What comes after is no freeze.
    pub fn stop(self) {}
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.task.abort();
    }
}

/// Beats inside the runtime: notes the time, sleeps a period.
async fn beat(last: Arc<AtomicU64>) {
    loop {
        last.store(clock::now_ns(), Ordering::Release);
        tokio::time::sleep(PERIOD).await;
    }
}

/// The thread's side.
struct Watch {
    last_beat: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    runtime: Counter,
    machine: Counter,
}

impl Watch {
    fn run(&self) {
        let mut last_look = clock::now_ns();
        while !self.stop.load(Ordering::Acquire) {
            clock::sleep_until_ns(last_look + PERIOD_NS);
            let now = clock::now_ns();
            let since_beat = now.saturating_sub(self.last_beat.load(Ordering::Acquire));
            self.machine.raise_to(beyond_us(now - last_look, PERIOD_NS));
            // A healthy beat is up to one period old when this thread looks, and a timer of tokio
            // fires up to a millisecond late.
            self.runtime.raise_to(beyond_us(since_beat, PERIOD_NS + 1_000_000));
            last_look = now;
        }
    }
}

/// What is beyond what was to be expected, in microseconds.
fn beyond_us(ns: u64, expected_ns: u64) -> u64 {
    ns.saturating_sub(expected_ns) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cx;
    use lab_recording::{Load, counters};

    #[test]
    fn a_frozen_runtime_is_seen_and_the_machine_is_not_blamed_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let cx = Cx::create(Load::DEFAULT, folder.path()).unwrap();
        let runtime = cx.runtime().build().unwrap();
        let heartbeat = cx.heartbeat(runtime.handle()).unwrap();
        runtime
            .block_on(runtime.spawn(async { thread::sleep(Duration::from_millis(300)) }))
            .unwrap();
        heartbeat.stop();
        let counters = counters::read(&folder.path().join(counters::COUNTERS)).unwrap();
        let of = |name: &str| counters.iter().find(|(n, _)| n == name).unwrap().1;
        assert!(of(RUNTIME_FREEZE) >= 250_000, "the only worker slept for 300 ms: {counters:?}");
        assert!(of(MACHINE_FREEZE) < of(RUNTIME_FREEZE), "{counters:?}");
    }
}
