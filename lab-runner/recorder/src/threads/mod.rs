//! Threads outside of polls, where tokio calls no hooks: stuck threads, thread dumps, hand-offs and
//! panics.

mod dump;
pub(crate) mod hand_offs;
pub mod panics;
pub mod post_mortem;
pub(crate) mod program;
pub(crate) mod stuck_threads;
pub(crate) mod thread_dump;
