//! The wake-up pipe, by which the pacer wakes a sleeping acceptor without a lock or an allocation.
//!
//! `Handle::spawn` and `Waker::wake` from another thread take the lock of tokio's injection queue,
//! so a stalled runtime could stall the pacer. A write to a pipe that the I/O driver polls is one
//! system call that never blocks, like that of a client that writes to a socket. The pacer writes
//! only after the acceptor has announced its sleep; while the runtime is busy or stalled, sending a
//! request is two stores.
//!
//! No wake-up is lost, because both sides store first and read second, in one total order:
//!
//! | pacer | acceptor |
//! | --- | --- |
//! | publishes the request | announces its sleep |
//! | reads and clears the announcement | checks for requests again |
//!
//! If the pacer does not see the announcement, its request was published before it, and the check
//! finds the request.

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
    /// A wake-up pipe and the acceptor's end of it. Must be called in the runtime's context.
    pub fn new() -> io::Result<(WakePipe, pipe::Receiver)> {
        let (write, read) = pipe::pipe()?;
        Ok((WakePipe { asleep: AtomicBool::new(false), write: write.into_nonblocking_fd()? }, read))
    }

    /// Wakes the acceptor if it sleeps, and returns the time of that in nanoseconds. Must be called
    /// after the request was published. The wake-up of an idle core is by far the largest cost of
    /// sending, and depends on the host instead of the pacer; so it is counted separately.
    pub fn wake(&self) -> u64 {
        if !self.asleep.swap(false, Ordering::SeqCst) {
            return 0;
        }
        let begin_ns = clock::now_ns();
        // The error is ignored: one byte is written per sleep and read after it, so the pipe cannot
        // be full; and a closed pipe means that the acceptor has ended.
        let _ = rustix::io::write(&self.write, &[1]);
        clock::now_ns() - begin_ns
    }

    /// Announces that the acceptor is about to sleep. The acceptor must check for requests again
    /// after this call: for a request that was published before, the pacer sent no wake-up.
    pub fn announce_sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }

    /// Cancels the announcement, because the second check found a request. The pacer may have
    /// written in between; that byte ends the next sleep early, which is harmless.
    pub fn cancel_sleep(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// Waits for a byte in the wake-up pipe and reads it.
pub(crate) async fn woken(read: &pipe::Receiver) -> io::Result<()> {
    read.readable().await?;
    match read.try_read(&mut [0; 8]) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
