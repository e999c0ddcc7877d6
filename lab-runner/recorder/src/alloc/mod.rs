//! The profiler `alloc`: which code allocates, which code keeps memory, and the memory of the
//! allocator over time.
//!
//! *Churn* is all memory allocated after the warm-up. The counting allocator samples one allocation
//! in a mean number of bytes. The allocating thread walks its frame pointers and writes size and
//! stack into `alloc.bin`, which is mapped into memory. Sampling itself allocates nothing, and a
//! run that is killed keeps its samples.
//!
//! *Live* is the part that is still allocated when the request log closes: jemalloc's own heap
//! profile, `alloc-live.heap`. The variant has not continued yet, so that its maps, channels and
//! tasks are still there; after its return only what outlives the runtime would be left. A variant
//! without requests has no such moment, and its heap is dumped after its return.
//!
//! *Growth* is what live has more than a first dump after a sixth of the load, `alloc-first.heap`.
//!
//! Churn needs the counting allocator; live and growth need jemalloc. A binary with one of them has
//! only those views.
//!
//! Addresses are resolved to names after the run, in another process.

pub(crate) mod memory;

pub(crate) mod churn;

#[cfg(feature = "jemalloc")]
pub(crate) mod jemalloc;
#[cfg(not(feature = "jemalloc"))]
#[path = "no_jemalloc.rs"]
pub(crate) mod jemalloc;

/// Mean bytes between samples of live memory, as a power of two: 32 KiB. Rarer than samples of
/// churn, because jemalloc gives each sampled small object a page of its own.
pub(crate) const LIVE_LG_EVERY: u32 = 15;

/// Environment variables of a child with this profiler, under both names that jemalloc may read.
pub(crate) fn environment() -> [(&'static str, String); 2] {
    // Profiling must be enabled at the start of the process; it becomes active with `start`.
    let options = format!("prof:true,prof_active:false,lg_prof_sample:{LIVE_LG_EVERY}");
    [("_RJEM_MALLOC_CONF", options.clone()), ("MALLOC_CONF", options)]
}

/// The name of this binary's allocator; none if it is neither jemalloc nor counted.
pub fn allocator() -> Option<String> {
    let counted = lab_kit::alloc::totals().is_some();
    match (jemalloc::version(), counted) {
        (Some(version), true) => Some(format!("jemalloc {version}, counted")),
        (Some(version), false) => Some(format!("jemalloc {version}")),
        (None, true) => Some("system, counted".to_owned()),
        (None, false) => None,
    }
}
