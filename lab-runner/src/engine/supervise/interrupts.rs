//! What can happen while a parent waits, on one channel: the child exits, or somebody interrupts
//! the lab.

use crate::engine::supervise::pauses::Pauses;
use anyhow::Context;
use nix::sys::signal::{SigSet, SigmaskHow};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
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

/// Catches what ends a lab from now on. Whoever waits is woken; whoever did not wait can still
/// ask.
#[derive(Debug)]
pub(crate) struct Interrupts {
    sender: Sender<Event>,
    events: Receiver<Event>,
    /// The first signal that came, 0 before.
    first: Arc<AtomicI32>,
    /// Whether that was no signal but [`Latch::cancel`].
    cancelled: Arc<AtomicBool>,
    pauses: Arc<Pauses>,
}

/// What asks for the end of the runs under way, from another thread.
#[derive(Clone, Debug)]
pub(crate) struct Latch {
    sender: Sender<Event>,
    first: Arc<AtomicI32>,
    cancelled: Arc<AtomicBool>,
}

impl Latch {
    /// Ends what is under way, as Ctrl-C does, until the next [`Interrupts::rearm`].
    pub fn cancel(&self) {
        let set = self.first.compare_exchange(0, SIGINT, Ordering::Relaxed, Ordering::Relaxed);
        if set.is_ok() {
            self.cancelled.store(true, Ordering::Relaxed);
            // Nobody waits: nothing is under way.
            let _ = self.sender.send(Event::Signal(SIGINT));
        }
    }

    /// The first signal that came from outside.
    pub fn signal(&self) -> Option<i32> {
        let first = self.first.load(Ordering::Relaxed);
        Some(first).filter(|signal| *signal != 0 && !self.cancelled.load(Ordering::Relaxed))
    }
}

/// Begins to catch the signals that end a lab: Ctrl-C, Ctrl-\\, a closed terminal, `kill`.
///
/// A signal that comes meanwhile waits until it is caught: signal-hook installs its handler first
/// and what the handler does a moment later, and a signal in between would be lost.
fn catch_signals() -> anyhow::Result<Signals> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let mut caught = vec![SIGINT, SIGQUIT, SIGTERM];
    // Under nohup a lab outlives its terminal, and without job control it does not stop.
    caught.extend([SIGHUP, SIGTSTP].into_iter().filter(|signal| !is_ignored(*signal)));
    let signals = Signals::new(caught);
    // Whoever started the lab may ignore SIGCHLD, and then the kernel would reap the children: a
    // handler of whatever kind ends that.
    let children = signal_hook::flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)));
    before.thread_set_mask()?;
    children?;
    Ok(signals?)
}

/// Whether this process was started with a signal ignored. `SigIgn` of `/proc/self/status` is a
/// mask in hexadecimal whose lowest bit is signal 1.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

impl Interrupts {
    pub fn catch() -> anyhow::Result<Interrupts> {
        let mut signals = catch_signals().context("cannot catch signals")?;
        let (sender, events) = channel();
        let first = Arc::new(AtomicI32::new(0));
        let (of_signals, latch) = (sender.clone(), Arc::clone(&first));
        let pauses = Arc::new(Pauses::default());
        let stops = Arc::clone(&pauses);
        let cancelled = Arc::<AtomicBool>::default();
        let was_cancelled = Arc::clone(&cancelled);
        let started = thread::Builder::new().name("lab-signals".into()).spawn(move || {
            for signal in signals.forever() {
                if signal == SIGTSTP {
                    stops.stop();
                    continue;
                }
                // The first signal counts; a cancellation is none.
                match was_cancelled.swap(false, Ordering::Relaxed) {
                    true => latch.store(signal, Ordering::Relaxed),
                    false => drop(latch.compare_exchange(
                        0,
                        signal,
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    )),
                }
                if of_signals.send(Event::Signal(signal)).is_err() {
                    return;
                }
            }
        });
        started.context("cannot start a thread")?;
        Ok(Interrupts { sender, events, first, cancelled, pauses })
    }

    /// What another thread ends the runs under way with.
    pub fn latch(&self) -> Latch {
        Latch {
            sender: self.sender.clone(),
            first: Arc::clone(&self.first),
            cancelled: Arc::clone(&self.cancelled),
        }
    }

    /// Forgets a cancellation, so that something new can be done. A signal is not forgotten.
    pub fn rearm(&self) {
        if self.cancelled.swap(false, Ordering::Relaxed) {
            self.first.store(0, Ordering::Relaxed);
            while self.events.try_recv().is_ok() {}
        }
    }

    /// The channel for the exit of a child.
    pub fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// The stops of the lab by its terminal.
    pub fn pauses(&self) -> &Pauses {
        &self.pauses
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
