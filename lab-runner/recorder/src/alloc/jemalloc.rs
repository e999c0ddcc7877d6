//! The heap profile and the statistics of jemalloc, where it is this binary's allocator.

use std::ffi::CString;
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use tikv_jemalloc_ctl::{Access, AsName, epoch, profiling, stats, thread};

/// Whether jemalloc is the binary's allocator. Tested once, by an allocation that jemalloc must
/// count: it may be linked without being the allocator.
pub fn is_here() -> bool {
    static IS_HERE: OnceLock<bool> = OnceLock::new();
    const UNUSUAL: usize = 4_093;
    *IS_HERE.get_or_init(|| {
        let allocated = || thread::allocatedp::read().map_or(0, thread::ThreadLocal::get);
        let before = allocated();
        drop(black_box(Vec::<u8>::with_capacity(black_box(UNUSUAL))));
        allocated() - before >= UNUSUAL as u64
    })
}

/// The version of jemalloc; none if it is not the binary's allocator.
pub fn version() -> Option<String> {
    let version = tikv_jemalloc_ctl::version::read().ok().filter(|_| is_here())?;
    // The numbers are followed by the commit.
    Some(version.split('-').next().unwrap_or(version).to_owned())
}

/// Starts sampling for the heap profile.
///
/// # Errors
/// The reason why that is not available, with a remedy.
pub fn start() -> Result<(), String> {
    if !is_here() {
        return Err(lab_recording::alloc::NO_JEMALLOC.to_owned());
    }
    if !profiling::prof::read().unwrap_or(false) {
        return Err(
            "heap profiling of jemalloc is off: start the run with `lab run --profile alloc`"
                .to_owned(),
        );
    }
    let active = b"prof.active\0".name();
    active.write(true).map_err(|error| format!("jemalloc cannot start profiling: {error}"))
}

/// Writes the heap profile: sampled allocations that are still live. Leaks the path; a run calls
/// this twice at most.
///
/// # Errors
/// If the profile cannot be written.
pub fn dump(to: &Path) -> anyhow::Result<()> {
    let path: &'static [u8] = CString::new(to.as_os_str().as_bytes())?.into_bytes_with_nul().leak();
    let dump = b"prof.dump\0".name();
    dump.write(path).map_err(|error| {
        anyhow::anyhow!("jemalloc cannot write its profile to {}: {error}", to.display())
    })
}

/// Allocated, active and resident bytes at this moment; none if jemalloc is not the binary's
/// allocator.
pub fn memory() -> Option<[u64; 3]> {
    if !is_here() || epoch::advance().is_err() {
        return None;
    }
    let read = [stats::allocated::read(), stats::active::read(), stats::resident::read()];
    let [allocated, active, resident] = read.map(|bytes| bytes.ok().map(|bytes| bytes as u64));
    Some([allocated?, active?, resident?])
}
