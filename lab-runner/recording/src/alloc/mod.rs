//! The recordings of the profiler `alloc`: sampled allocations in `alloc.bin`, jemalloc's heap
//! profile in `alloc-live.heap`.

pub mod format;
pub mod heap;
pub mod read;

/// Name of the file of samples inside a recording.
pub const FILE: &str = "alloc.bin";
/// Name of jemalloc's heap profile inside a recording.
pub const HEAP: &str = "alloc-live.heap";
/// Initial mean bytes between samples of churn.
pub const CHURN_EVERY: u64 = 16 << 10;
/// The reason why a binary without jemalloc has no heap profile, with a remedy.
pub const NO_JEMALLOC: &str = "no jemalloc in this binary: put \
    `Counting::over(lab_runner::Jemalloc)` into its #[global_allocator]";
