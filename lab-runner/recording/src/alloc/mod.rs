//! The recordings of the profiler `alloc`: sampled allocations in `alloc.bin`, and jemalloc's heap
//! profiles, in `alloc-first.heap` after the first sixth of the load and in `alloc-live.heap` at its
//! end.

pub mod format;
pub mod heap;
pub mod read;

/// Name of the file of samples inside a recording.
pub const FILE: &str = "alloc.bin";
/// Name of jemalloc's heap profile inside a recording: when the request log was closed, or when the
/// variant had returned if it has none.
pub const HEAP: &str = "alloc-live.heap";
/// Name of jemalloc's heap profile after the first of the [`PARTS`] of the load.
pub const FIRST_HEAP: &str = "alloc-first.heap";
/// Name of the count that is 1 if [`HEAP`] was written when the request log was closed, and 0 if
/// it was written when the variant had returned.
pub const AT_LOAD_END: &str = "live_at_load_end";
/// The number of equal parts of the load between which growth is observed. The first is left out:
/// caches and buffers fill up during it.
pub const PARTS: u32 = 6;
/// Name of the view of memory that was alive at the end.
pub const LIVE: &str = "alloc live";
/// Name of the view of memory that was added after the first of the [`PARTS`] of the load, and was
/// alive at its end.
pub const GROWTH: &str = "alloc growth";
/// Initial mean bytes between samples of churn.
pub const CHURN_EVERY: u64 = 16 << 10;
/// The reason why a binary without jemalloc has no heap profile, with a remedy.
pub const NO_JEMALLOC: &str = "no jemalloc in this binary: put \
    `Counting::over(lab_runner::Jemalloc)` into its #[global_allocator]";
