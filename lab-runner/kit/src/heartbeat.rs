//! The heartbeat: measures freezes of a runtime, and separately freezes of the host.
//!
//! A task of the runtime stores the time at every beat. An OS thread checks that time just as
//! often, so that a freeze is recorded while it lasts and survives a kill. The thread also records
//! its own delay: if both are late, the host was frozen.

use crate::{Counter, Probe, clock};
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// The source file in which the heartbeat's task is spawned, which identifies the task in a
/// recording of the scheduler.
pub const SPAWNED_IN: &str = file!();

/// Time between two beats. A shorter freeze may be missed.
pub const PERIOD: Duration = Duration::from_millis(5);
const PERIOD_NS: u64 = PERIOD.as_nanos() as u64;

/// Counter of the longest freeze of the runtime, beyond the period, in microseconds.
pub const RUNTIME_FREEZE: &str = "runtime_freeze_us";
/// Counter of the longest freeze of an OS thread, beyond the period, in microseconds.
pub const MACHINE_FREEZE: &str = "machine_freeze_us";

/// A running heartbeat. Dropping it stops it.
#[derive(Debug)]
pub struct Heartbeat {
    stop: Arc<AtomicBool>,
    task: AbortHandle,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub(crate) fn start(probe: &Probe, handle: &Handle) -> anyhow::Result<Heartbeat> {
        let monitor = Monitor {
            last_beat: Arc::new(AtomicU64::new(clock::now_ns())),
            stop: Arc::default(),
            runtime: probe.own_counter(RUNTIME_FREEZE)?,
            machine: probe.own_counter(MACHINE_FREEZE)?,
        };
        let stop = Arc::clone(&monitor.stop);
        let task = handle.spawn(beat(Arc::clone(&monitor.last_beat))).abort_handle();
        let thread =
            thread::Builder::new().name("lab-heartbeat".into()).spawn(move || monitor.run());
        Ok(Heartbeat {
            stop,
            task,
            thread: Some(thread.context("cannot start the heartbeat's thread")?),
        })
    }

    /// Stops the heartbeat. Later freezes are not recorded.
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

/// The task of the runtime: stores the time and sleeps for a period.
async fn beat(last: Arc<AtomicU64>) {
    loop {
        last.store(clock::now_ns(), Ordering::Release);
        tokio::time::sleep(PERIOD).await;
    }
}

/// The OS thread that compares the last beat with the clock.
struct Monitor {
    last_beat: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    runtime: Counter,
    machine: Counter,
}

impl Monitor {
    fn run(&self) {
        let mut last_check = clock::now_ns();
        while !self.stop.load(Ordering::Acquire) {
            clock::sleep_until_ns(last_check + PERIOD_NS);
            let now = clock::now_ns();
            let since_beat = now.saturating_sub(self.last_beat.load(Ordering::Acquire));
            self.machine.raise_to(excess_us(now - last_check, PERIOD_NS));
            // A healthy beat is up to one period old at this moment, and a tokio timer fires up to
            // a millisecond late.
            self.runtime.raise_to(excess_us(since_beat, PERIOD_NS + 1_000_000));
            last_check = now;
        }
    }
}

/// The time beyond the expected one, in microseconds.
fn excess_us(ns: u64, expected_ns: u64) -> u64 {
    ns.saturating_sub(expected_ns) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cx;
    use lab_recording::{Load, counters};

    #[test]
    fn a_frozen_runtime_is_not_a_frozen_host() {
        let folder = tempfile::tempdir().unwrap();
        let cx = Cx::create(Load::DEFAULT, folder.path()).unwrap();
        let runtime = cx.runtime().build().unwrap();
        let heartbeat = cx.heartbeat(runtime.handle()).unwrap();
        runtime
            .block_on(runtime.spawn(async { thread::sleep(Duration::from_millis(300)) }))
            .unwrap();
        heartbeat.stop();
        let counters = counters::read(&folder.path().join(counters::COUNTERS)).unwrap();
        let value = |name: &str| counters.iter().find(|(n, _)| n == name).unwrap().1;
        assert!(value(RUNTIME_FREEZE) >= 250_000, "the only worker slept for 300 ms: {counters:?}");
        assert!(value(MACHINE_FREEZE) < value(RUNTIME_FREEZE), "{counters:?}");
    }
}
