//! Ctrl-Z: the lab stops, and the run with it, as the user expects of both; `fg` continues both.
//!
//! A run has a process group of its own, which a terminal does not stop. It would go on while its
//! parent stands, and its deadline would pass meanwhile.

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the lab was stopped, and whether it is about to be.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    /// The group of the run in progress; 0 between runs.
    group: AtomicI32,
    /// From before the lab stops until what it missed has been added up.
    in_progress: AtomicBool,
    stopped_ns: AtomicU64,
}

impl Pauses {
    /// The run in progress is in this group from now on; none between runs.
    pub fn set_group(&self, group: Option<Pid>) {
        self.group.store(group.map_or(0, Pid::as_raw_pid), Ordering::SeqCst);
    }

    /// Stops the run and this process. Returns when somebody continued it. Called by the thread that
    /// receives signals; all threads stop meanwhile.
    pub fn stop(&self) {
        self.in_progress.store(true, Ordering::SeqCst);
        let group = Pid::from_raw(self.group.load(Ordering::SeqCst));
        signal(group, Signal::STOP);
        let begin = Instant::now();
        let _ = emulate_default_handler(SIGTSTP);
        self.stopped_ns.fetch_add(begin.elapsed().as_nanos() as u64, Ordering::SeqCst);
        signal(group, Signal::CONT);
        self.in_progress.store(false, Ordering::SeqCst);
    }

    /// The time in which this process was stopped. Whoever was woken by the end of a stop waits
    /// until it has been added.
    pub fn stopped(&self) -> Duration {
        while self.in_progress.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Duration::from_nanos(self.stopped_ns.load(Ordering::SeqCst))
    }
}

fn signal(group: Option<Pid>, signal: Signal) {
    // Fails only if nobody is left.
    let _ = group.map(|group| kill_process_group(group, signal));
}
