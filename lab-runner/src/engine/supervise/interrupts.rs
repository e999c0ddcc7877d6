//! What can happen while a parent waits, on one channel: the child exits, or somebody interrupts
//! the lab.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// Something that ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The child's process ended.
    Exited,
    /// The lab got this signal.
    Signal(i32),
}

/// Catches Ctrl-C and SIGTERM from now on. Whoever waits is woken; whoever did not wait can still
/// ask.
#[derive(Debug)]
pub(crate) struct Interrupts {
    sender: Sender<Event>,
    events: Receiver<Event>,
    /// The first signal that came, 0 before.
    first: Arc<AtomicI32>,
}

impl Interrupts {
    pub fn catch() -> anyhow::Result<Interrupts> {
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot catch signals")?;
        let (sender, events) = channel();
        let first = Arc::new(AtomicI32::new(0));
        let (of_signals, latch) = (sender.clone(), Arc::clone(&first));
        thread::Builder::new().name("lab-signals".into()).spawn(move || {
            for signal in signals.forever() {
                let _ = latch.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
                if of_signals.send(Event::Signal(signal)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Interrupts { sender, events, first })
    }

    /// The channel for the exit of a child.
    pub fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// The next event, or nothing after `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<Event> {
        // `self` holds a sender, so the only error is that time is up.
        self.events.recv_timeout(timeout).ok()
    }

    /// The first received signal.
    pub fn signal(&self) -> Option<i32> {
        Some(self.first.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }
}
