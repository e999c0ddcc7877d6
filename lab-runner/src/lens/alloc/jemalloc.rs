//! What jemalloc tells about itself, where it is this binary's allocator: its heap profile and its statistics.

use jemalloc_pprof::PROF_CTL;
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use tikv_jemalloc_ctl::{epoch, stats, thread};

/// Whether it is the allocator, tried once: jemalloc must notice an allocation. That it is linked says nothing.
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
        return Err(super::lens::NO_JEMALLOC.to_owned());
    }
    let ctl =
        PROF_CTL.as_ref().ok_or("this jemalloc was not told to profile: start the run with `lab run --profile`")?;
    let mut ctl = ctl.try_lock().map_err(|_| "somebody else is at jemalloc's profile")?;
    ctl.activate().map_err(|error| format!("jemalloc does not profile: {error}"))
}

/// Writes its heap profile: what was sampled and is still held.
///
/// # Errors
/// If that could not be written.
pub fn dump(to: &Path) -> anyhow::Result<()> {
    let ctl = PROF_CTL.as_ref().ok_or_else(|| anyhow::Error::msg("jemalloc does not profile"))?;
    let mut profile = ctl.try_lock()?.dump()?;
    io::copy(&mut profile, &mut File::create(to)?)?;
    Ok(())
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
