//! The profiler `alloc`: who asks for memory, who keeps it, and what the allocator holds meanwhile.
//!
//! *Churn* is all that is allocated after the warm-up. The counting allocator draws one allocation in so many bytes; the
//! thread that allocates walks its frame pointers and writes size and stack into `alloc.bin`, which
//! is mapped into memory: nothing asks the allocator for anything meanwhile, and a run that is
//! killed keeps what was seen.
//!
//! *Live* is what of that was still held when the variant had returned: jemalloc's own heap profile, `alloc-live.heap`.
//! In a binary without jemalloc there is churn alone, and in one without the counting allocator
//! live alone.
//!
//! Addresses become names after the run, in another process.

pub(crate) mod memory;

pub(crate) mod churn;

#[cfg(feature = "jemalloc")]
pub(crate) mod jemalloc;
#[cfg(not(feature = "jemalloc"))]
#[path = "no_jemalloc.rs"]
pub(crate) mod jemalloc;

/// The same for what is live, as a power of two. Rarer, for jemalloc gives each small object that
/// it samples a page.
pub(crate) const LIVE_LG_EVERY: u32 = 15;

/// What a child needs in its environment for this profiler, under both names that jemalloc may
/// read.
pub(crate) fn environment() -> [(&'static str, String); 2] {
    // Profiling must be there from the start, and looks at nothing before it is told to.
    let options = format!("prof:true,prof_active:false,lg_prof_sample:{LIVE_LG_EVERY}");
    [("_RJEM_MALLOC_CONF", options.clone()), ("MALLOC_CONF", options)]
}

/// This binary's allocator in words; that of another binary is unknown.
pub fn allocator() -> Option<String> {
    let counted = lab_kit::alloc::totals().is_some();
    match (jemalloc::version(), counted) {
        (Some(version), true) => Some(format!("jemalloc {version}, counted")),
        (Some(version), false) => Some(format!("jemalloc {version}")),
        (None, true) => Some("system, counted".to_owned()),
        (None, false) => None,
    }
}
