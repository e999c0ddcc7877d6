//! Tokio's task dump (feature `taskdump`): the await points of idle tasks. To produce it tokio
//! polls the tasks once more and skips running ones, and it never finishes while a worker is stuck.
//! So it has a deadline of its own, comes last in a post-mortem, and only supplements the stacks.

use crate::hooks::{self, Handle};
use crate::scheduler;
use lab_recording::post_mortem::Awaits;
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

/// Deadline of the dump. Healthy workers finish within milliseconds; naming frames takes longer.
const LIMIT: Duration = Duration::from_millis(1_500);

/// The await points of the tasks of all recorded runtimes.
///
/// # Errors
/// If the dump does not finish in time.
pub(crate) fn awaits() -> Result<Vec<Awaits>, &'static str> {
    let (sender, receiver) = mpsc::channel();
    // If the dump does not finish, the thread is left behind: this process is about to be killed.
    let thread = thread::Builder::new().name("lab-dump".into()).spawn(move || {
        let all: Vec<Awaits> = scheduler::handles().iter().flat_map(dump_of).collect();
        sender.send(all)
    });
    thread.map_err(|_| "cannot start a thread for tokio's task dump")?;
    receiver.recv_timeout(LIMIT).map_err(|_| {
        "tokio's task dump did not finish in time: a worker is stuck, or there are too many tasks"
    })
}

fn dump_of(handle: &Handle) -> Vec<Awaits> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    hooks::dump(handle, &waker, || thread::park_timeout(LIMIT))
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
