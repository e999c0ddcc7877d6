//! Tokio's task dump, where this build has it (feature `taskdump`): what idle tasks await. It polls
//! them once more to find out, skips the one that runs, and never ends while a worker is stuck; so
//! it has a deadline of its own, comes after everything else, and corroborates what stacks show.

use crate::hooks::{self, Handle};
use crate::scheduler;
use lab_recording::post_mortem::Awaits;
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

/// How long it may take. Workers that can answer do so within milliseconds; naming their frames
/// takes longer.
const LIMIT: Duration = Duration::from_millis(1_500);

/// What the tasks of the runtimes that are known await, or why that is unknown.
///
/// # Errors
/// If tokio does not answer in time.
pub(crate) fn awaits() -> Result<Vec<Awaits>, &'static str> {
    let (say, said) = mpsc::channel();
    let ask = move || {
        let all: Vec<Awaits> = scheduler::handles_of_known().iter().flat_map(of_runtime).collect();
        say.send(all)
    };
    // It is left behind if it does not answer: this process is about to be killed.
    let asked = thread::Builder::new().name("lab-dump".into()).spawn(ask);
    asked.map_err(|_| "cannot start a thread for tokio's task dump")?;
    said.recv_timeout(LIMIT)
        .map_err(|_| "tokio's task dump did not finish in time: a worker is stuck, or there are too many tasks")
}

fn of_runtime(handle: &Handle) -> Vec<Awaits> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    hooks::dump(handle, &waker, || thread::park_timeout(LIMIT))
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
