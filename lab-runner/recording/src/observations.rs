//! Results of profilers beside stacks: the slowest request poll by poll, and memory over time.

use serde::{Deserialize, Serialize};

/// The slowest request of the profiler `spans`, poll by poll: `spans-slow.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlowRequest {
    /// The request's number, from the field `id` of its span.
    pub request: u64,
    /// Duration of the span, in microseconds.
    pub us: f64,
    /// The polls, in order.
    pub polls: Vec<RequestPoll>,
    /// Number of polls that were not stored.
    #[serde(default)]
    pub left_out: u64,
}

/// A poll of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestPoll {
    /// Start in microseconds after the start of the request's span.
    pub at_us: f64,
    /// Length in microseconds.
    pub us: f64,
    /// The innermost step in which the poll ended: `request;fetch`.
    pub step: String,
}

/// Memory of the allocator at a moment: an entry of `alloc-memory.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryAt {
    /// Milliseconds since the profiler was started.
    pub ms: f64,
    /// Bytes that the program has allocated.
    pub allocated: u64,
    /// Bytes of pages that contain allocated memory.
    pub active: u64,
    /// Bytes of physical memory of the allocator.
    pub resident: u64,
}

/// File of [`SlowRequest`] in the folder of its run.
pub const SLOW_REQUEST: &str = "spans-slow.json";
/// File of a list of [`MemoryAt`].
pub const MEMORY: &str = "alloc-memory.json";
