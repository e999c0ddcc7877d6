//! What threads do outside of polls, where no hook reports: where they are stuck, and where they
//! panicked.

mod dump;
pub(crate) mod hand_offs;
pub mod panics;
pub mod post_mortem;
mod program;
pub(crate) mod stuck_threads;
pub(crate) mod thread_dump;
