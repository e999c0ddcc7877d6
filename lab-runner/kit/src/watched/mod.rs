//! Locks and channels that record their holders and waiters, for the diagnosis of hangs. A stack
//! shows that a thread waits for a lock, but neither which lock nor its holder.
//!
//! Each type behaves like the type that it wraps. It also records the task, the thread, the time
//! and the source line of every holder and waiter, which takes a small internal lock each time.
//! [`snapshot`] lists the locks and channels that are held or waited for.
//!
//! ```
//! use lab_kit::{clock, watched};
//!
//! let accounts = watched::Mutex::new("accounts", vec![100, 0]);
//! let held = accounts.lock().unwrap();
//! let all = watched::snapshot(clock::now_ns());
//! let lock = all.iter().find(|lock| lock.name == "accounts").unwrap();
//! assert_eq!((lock.holders.len(), lock.waiters.len()), (1, 0));
//! drop(held);
//! let all = watched::snapshot(clock::now_ns());
//! assert!(all.iter().all(|lock| lock.name != "accounts"), "the lock is free");
//! ```

mod channel;
mod lock;
mod state;
#[cfg(test)]
mod tests;

pub use channel::{Receiver, Sender, channel};
pub use lab_recording::post_mortem::{Party, Watched, WatchedKind};
pub use lock::{AsyncMutex, AsyncMutexGuard, Mutex, MutexGuard};
pub use state::snapshot;
