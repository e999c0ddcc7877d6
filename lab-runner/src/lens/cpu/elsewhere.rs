//! The same name where no stack can be walked: starting says why.

use std::convert::Infallible;
use std::path::Path;

/// A profiler that cannot be.
pub(super) struct Sampler(Infallible);

impl Sampler {
    /// Never starts.
    pub fn start(_folder: &Path, _hz: u32) -> Result<Sampler, String> {
        Err("not available: CPU time is looked at on Linux, on x86-64 and aarch64".to_owned())
    }

    /// Never called, for there is no profiler.
    pub fn stop(self) -> anyhow::Result<u64> {
        match self.0 {}
    }
}

/// There is none.
pub(super) fn price_of_a_sample(_folder: &Path) -> Result<crate::lens::watching::Price, String> {
    Err("CPU time is looked at on Linux, on x86-64 and aarch64".to_owned())
}
