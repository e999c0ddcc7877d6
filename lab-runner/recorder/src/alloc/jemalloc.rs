//! What jemalloc reports, where it is this binary's allocator: its heap profile and its statistics.

use std::ffi::CString;
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use tikv_jemalloc_ctl::{Access, AsName, epoch, profiling, stats, thread};

/// Whether it is the allocator, tried once: jemalloc must notice an allocation. That it is linked
/// is not enough.
pub fn is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    const ODD: usize = 4_093;
    *HERE.get_or_init(|| {
        let given = || thread::allocatedp::read().map_or(0, thread::ThreadLocal::get);
        let before = given();
        drop(black_box(Vec::<u8>::with_capacity(black_box(ODD))));
        given() - before >= ODD as u64
    })
}

/// Its version, if it is here.
pub fn version() -> Option<String> {
    let version = tikv_jemalloc_ctl::version::read().ok().filter(|_| is_here())?;
    // What follows the numbers names the commit.
    Some(version.split('-').next().unwrap_or(version).to_owned())
}

/// Starts to sample its heap.
///
/// # Errors
/// Why that is not available here, and how to mend it.
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

/// Writes its heap profile: what was sampled and is still held. A run does this once, which leaks
/// the path.
///
/// # Errors
/// If that could not be written.
pub fn dump(to: &Path) -> anyhow::Result<()> {
    let path: &'static [u8] = CString::new(to.as_os_str().as_bytes())?.into_bytes_with_nul().leak();
    let dump = b"prof.dump\0".name();
    dump.write(path).map_err(|error| {
        anyhow::anyhow!("jemalloc cannot write its profile to {}: {error}", to.display())
    })
}

/// What it holds now: allocated, active and resident bytes; nothing if it is not the allocator.
pub fn memory() -> Option<[u64; 3]> {
    if !is_here() || epoch::advance().is_err() {
        return None;
    }
    let read = [stats::allocated::read(), stats::active::read(), stats::resident::read()];
    let [allocated, active, resident] = read.map(|bytes| bytes.ok().map(|bytes| bytes as u64));
    Some([allocated?, active?, resident?])
}
