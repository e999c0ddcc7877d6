//! What threads do outside of polls, where no hook tells: where they stand for long, and where they panicked.

mod dump;
pub(crate) mod hand_offs;
pub mod panics;
pub mod post_mortem;
mod program;
pub(crate) mod stuck_threads;
pub(crate) mod thread_dump;
