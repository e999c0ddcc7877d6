//! Locks and channels that tell who holds them and who waits for them, for runs that never end: a stack shows that
//! somebody waits for a lock, and not for which, nor who has it.
//!
//! Each behaves as what it wraps. It notes the task, the thread, the time and the line of whoever takes it or waits for
//! it, which costs a small lock of its own each time; [`snapshot`] lists what somebody holds or waits for.
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
pub use lock::{AsyncMutex, AsyncMutexGuard, Mutex, MutexGuard};
pub use lab_recording::post_mortem::{Party, Watched, WatchedKind};
pub use state::snapshot;
