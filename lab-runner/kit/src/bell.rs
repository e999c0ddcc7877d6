//! The bell: how the pacer tells a sleeping runtime that requests are there, without a lock or an allocation.
//!
//! `Handle::spawn` and `Waker::wake` from a foreign thread both take the lock of tokio's injection queue, so a
//! stalled runtime could stall the pacer. A kernel counter that the I/O driver polls cannot: writing to it is
//! one system call that never blocks, as it is for a client that writes to a socket. The bell is rung only
//! when the acceptor said that it would sleep; towards a busy or stalled runtime a request costs two stores.

use rustix::fd::OwnedFd;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::unix::AsyncFd;

/// The pacer's end.
#[derive(Debug)]
pub(crate) struct Bell {
    asleep: AtomicBool,
    write: OwnedFd,
}

impl Bell {
    /// A bell and the end that the acceptor listens to.
    pub fn new() -> io::Result<(Bell, OwnedFd)> {
        let (read, write) = pair()?;
        Ok((Bell { asleep: AtomicBool::new(false), write }, read))
    }

    /// Wakes the acceptor if it sleeps. To be called after the request was published.
    pub fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // It can only fail when the counter is full, which means that it already rings.
            let _ = rustix::io::write(&self.write, &1u64.to_ne_bytes());
        }
    }

    /// Says that the acceptor is about to sleep. It must look for requests once more afterwards: one that was
    /// published before this store found nobody to wake.
    pub fn say_asleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }
}

/// Waits for the bell and silences it.
pub(crate) async fn heard(read: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut ready = read.readable().await?;
    let mut count = [0; 8];
    match rustix::io::read(read.get_ref(), &mut count) {
        Ok(_) => Ok(()),
        Err(rustix::io::Errno::AGAIN) => {
            ready.clear_ready();
            Ok(())
        }
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(target_os = "linux")]
fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::event::{EventfdFlags, eventfd};
    let read = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
    let write = read.try_clone()?;
    Ok((read, write))
}

/// Where there is no event counter, a pipe does: at most one ring is ever outstanding.
#[cfg(not(target_os = "linux"))]
fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe()?;
    for end in [&read, &write] {
        rustix::fs::fcntl_setfl(end, rustix::fs::OFlags::NONBLOCK)?;
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok((read, write))
}
