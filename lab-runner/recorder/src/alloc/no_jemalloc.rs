//! The functions of `jemalloc.rs` in a build without jemalloc.

use std::path::Path;

/// Always false.
pub fn is_here() -> bool {
    false
}

/// Always none.
pub fn version() -> Option<String> {
    None
}

/// Starts nothing.
///
/// # Errors
/// Always.
pub fn start() -> Result<(), String> {
    Err(lab_recording::alloc::NO_JEMALLOC.to_owned())
}

/// Never called, because `start` fails.
///
/// # Errors
/// Always.
pub fn dump(_to: &Path) -> anyhow::Result<()> {
    anyhow::bail!("no jemalloc in this build")
}

/// Always none.
pub fn memory() -> Option<[u64; 3]> {
    None
}
