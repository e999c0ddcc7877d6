//! Locks and channels that tell who holds them and who waits for them, for runs that never end: a stack shows that
//! somebody waits for a lock, and not for which, nor who has it.
//!
//! Each behaves as what it wraps. It notes the task, the thread, the time and the line of whoever takes it or waits for
//! it, which costs a small lock of its own each time; [`snapshot`] lists what somebody holds or waits for.
//!
//! ```
//! use lab_kit::watched;
//!
//! let accounts = watched::Mutex::new("accounts", vec![100, 0]);
//! let held = accounts.lock().unwrap();
//! let seen = watched::snapshot().into_iter().find(|seen| seen.name == "accounts").unwrap();
//! assert_eq!((seen.holders.len(), seen.waiters.len()), (1, 0));
//! drop(held);
//! assert!(watched::snapshot().iter().all(|seen| seen.name != "accounts"), "nobody holds it any more");
//! ```

mod channel;
mod lock;
mod state;
#[cfg(test)]
mod tests;

pub use channel::{Receiver, Sender, channel};
pub use lock::{AsyncMutex, AsyncMutexGuard, Mutex, MutexGuard};
pub use state::{Kind, Party, Seen, snapshot};
