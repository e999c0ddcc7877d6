//! What profilers leave beside their stacks: one slow request poll by poll, and memory over time.

use serde::{Deserialize, Serialize};

/// The slowest request that the profiler `spans` saw, followed through its polls:
/// `spans-slow.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlowRequest {
    /// The request's number, as its span carries it.
    pub request: u64,
    /// From its span's begin to its end, in microseconds.
    pub us: f64,
    /// Its polls, in order.
    pub polls: Vec<RequestPoll>,
    /// Polls that there was no room for.
    #[serde(default)]
    pub left_out: u64,
}

/// A time in which a request was being polled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestPoll {
    /// When it began, in microseconds after the request's span did.
    pub at_us: f64,
    /// How long it took, in microseconds.
    pub us: f64,
    /// The innermost step that it was in when it ended: `request;fetch`.
    pub step: String,
}

/// What the allocator held at a moment: a line of `alloc-memory.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryAt {
    /// Milliseconds since the profiler was started.
    pub ms: f64,
    /// Bytes that the program holds.
    pub allocated: u64,
    /// Bytes of pages that have any of those.
    pub active: u64,
    /// Bytes of physical memory that the allocator has.
    pub resident: u64,
}

/// File of [`SlowRequest`] in the folder of its run.
pub const SLOW_REQUEST: &str = "spans-slow.json";
/// File of a list of [`MemoryAt`].
pub const MEMORY: &str = "alloc-memory.json";
