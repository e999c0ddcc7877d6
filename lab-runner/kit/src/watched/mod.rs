//! Locks and channels that record their holders and waiters, for runs that never end: a stack shows
//! that a thread waits for a lock, but not for which one, nor who holds it.
//!
//! Each behaves as what it wraps. It records the task, the thread, the time and the line of every
//! holder and waiter, which costs a small lock of its own each time; [`snapshot`] lists those that
//! are held or waited for.
//!
//! ```
//! use lab_kit::{clock, watched};
//!
//! let accounts = watched::Mutex::new("accounts", vec![100, 0]);
//! let held = accounts.lock().unwrap();
//! let lock = watched::snapshot(clock::now_ns()).into_iter().find(|lock| lock.name == "accounts").unwrap();
//! assert_eq!((lock.holders.len(), lock.waiters.len()), (1, 0));
//! drop(held);
//! assert!(watched::snapshot(clock::now_ns()).iter().all(|lock| lock.name != "accounts"), "nobody holds it any more");
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
