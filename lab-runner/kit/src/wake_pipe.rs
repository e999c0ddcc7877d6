//! The wake-up pipe: how the pacer wakes a sleeping runtime when requests are there, without a lock
//! or an allocation.
//!
//! `Handle::spawn` and `Waker::wake` from a foreign thread both take the lock of tokio's injection
//! queue, so a stalled runtime could stall the pacer. A pipe that the I/O driver polls cannot:
//! writing to it is one system call that never blocks, as it is for a client that writes to a
//! socket. The wake-up pipe is rung only when the acceptor announced that it would sleep; towards a
//! busy or stalled runtime a request costs two stores.

use crate::clock;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::unix::pipe;

/// The pacer's end.
#[derive(Debug)]
pub(crate) struct WakePipe {
    asleep: AtomicBool,
    write: OwnedFd,
}

impl WakePipe {
    /// A wake-up pipe and the end that the acceptor listens to. To be called inside the runtime's
    /// context.
    pub fn new() -> io::Result<(WakePipe, pipe::Receiver)> {
        let (write, read) = pipe::pipe()?;
        Ok((WakePipe { asleep: AtomicBool::new(false), write: write.into_nonblocking_fd()? }, read))
    }

    /// Wakes the acceptor if it sleeps; returns the nanoseconds that this took. To be called after
    /// the request was published. Waking a core that has gone idle is by far the dearest part of an
    /// injection, and it is the host's cost and not the pacer's: that is why it is counted apart.
    pub fn ring(&self) -> u64 {
        if !self.asleep.swap(false, Ordering::SeqCst) {
            return 0;
        }
        let begin_ns = clock::now_ns();
        // A byte is written at most once per sleep and read after it, so the pipe cannot be full; a
        // closed one has no listener left.
        let _ = rustix::io::write(&self.write, &[1]);
        clock::now_ns() - begin_ns
    }

    /// Says that the acceptor is about to sleep. It must look for requests once more afterwards:
    /// one that was published before this store found no sleeper to wake.
    pub fn say_asleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }

    /// Takes that back, because there was a request after all. The pacer may have rung in between:
    /// that byte cuts the next sleep short and does no harm.
    pub fn say_awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// Waits for the wake-up pipe and silences it.
pub(crate) async fn heard(read: &pipe::Receiver) -> io::Result<()> {
    read.readable().await?;
    match read.try_read(&mut [0; 8]) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
