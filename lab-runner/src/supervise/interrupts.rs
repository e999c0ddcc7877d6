//! What can happen while a parent waits, on one channel: the child exits, or somebody interrupts the lab.

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
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

/// Catches Ctrl-C, SIGTERM and a closed terminal from now on, and keeps them until somebody looks.
#[derive(Debug)]
pub(crate) struct Interrupts {
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Interrupts {
    pub fn catch() -> anyhow::Result<Interrupts> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot catch signals")?;
        let (sender, events) = channel();
        let of_signals = sender.clone();
        thread::Builder::new().name("lab-signals".into()).spawn(move || {
            for signal in signals.forever() {
                if of_signals.send(Event::Signal(signal)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Interrupts { sender, events })
    }

    /// Where a child's exit is told.
    pub fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// The next event, or nothing after `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<Event> {
        // `self` holds a sender, so the only error is that time is up.
        self.events.recv_timeout(timeout).ok()
    }

    /// A signal that came while nobody waited.
    pub fn pending(&self) -> Option<i32> {
        self.events.try_iter().find_map(|event| match event {
            Event::Signal(signal) => Some(signal),
            Event::Exited => None,
        })
    }
}
