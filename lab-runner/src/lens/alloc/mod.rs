//! The lens `alloc`: who asks for memory, who keeps it, and what the allocator holds meanwhile.
//!
//! *Churn* is all that is asked for after the warm-up. The counting allocator draws one allocation in so many bytes; the
//! thread that allocates walks its frame pointers and writes size and stack into `alloc.bin`, which is mapped into
//! memory: nothing asks the allocator for anything meanwhile, and a run that is killed keeps what was seen.
//!
//! *Live* is what of that was still held when the variant had returned: jemalloc's own heap profile, `alloc-live.heap`.
//! In a binary without jemalloc there is churn alone, and in one without the counting allocator live alone.
//!
//! Addresses become names after the run, in another process.

pub mod format;
pub mod heap;
pub(crate) mod lens;
mod memory;
pub mod read;
pub(crate) mod resolve;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod churn;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "churn_elsewhere.rs"]
mod churn;

#[cfg(feature = "jemalloc")]
mod jemalloc;
#[cfg(not(feature = "jemalloc"))]
#[path = "no_jemalloc.rs"]
mod jemalloc;

/// Name of the file of samples inside a recording.
pub const FILE: &str = "alloc.bin";
/// Name of jemalloc's heap profile inside a recording.
pub const HEAP: &str = "alloc-live.heap";
/// Mean bytes from one sample of the churn to the next.
pub const CHURN_EVERY: u64 = 16 << 10;
/// The same for what is live, as a power of two. Rarer, for jemalloc gives each small object that it samples a page.
const LIVE_LG_EVERY: u32 = 15;

/// What a child needs in its environment for this lens, under both names that jemalloc may read.
pub(crate) fn environment() -> [(&'static str, String); 2] {
    // Profiling must be there from the start, and looks at nothing before it is told to.
    let options = format!("prof:true,prof_active:false,lg_prof_sample:{LIVE_LG_EVERY}");
    [("_RJEM_MALLOC_CONF", options.clone()), ("MALLOC_CONF", options)]
}

/// This binary's allocator in words; which one that of a stranger has, nobody can tell.
pub(crate) fn allocator() -> Option<String> {
    let counted = lab_kit::alloc::totals().is_some();
    match (jemalloc::version(), counted) {
        (Some(version), true) => Some(format!("jemalloc {version}, counted")),
        (Some(version), false) => Some(format!("jemalloc {version}")),
        (None, true) => Some("system, counted".to_owned()),
        (None, false) => None,
    }
}
