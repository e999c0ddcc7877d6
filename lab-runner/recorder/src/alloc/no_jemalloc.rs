//! The same names in a build without jemalloc.

use std::path::Path;

/// It is not.
pub fn is_here() -> bool {
    false
}

/// Never its version.
pub fn version() -> Option<String> {
    None
}

/// Never starts.
///
/// # Errors
/// Always.
pub fn start() -> Result<(), String> {
    Err(lab_recording::alloc::NO_JEMALLOC.to_owned())
}

/// Never called, for nothing was started.
///
/// # Errors
/// Always.
pub fn dump(_to: &Path) -> anyhow::Result<()> {
    anyhow::bail!("no jemalloc in this build")
}

/// Nothing.
pub fn memory() -> Option<[u64; 3]> {
    None
}
