//! The same names where no thread can be sampled: the hooks do nothing, and starting says why.

use super::{Counts, OpenPoll};
use std::convert::Infallible;
use std::path::Path;

/// A sampler that cannot be.
#[derive(Debug)]
pub struct Sampler(Infallible);

impl Sampler {
    /// Never starts.
    ///
    /// # Errors
    /// Always.
    pub fn start(_folder: &Path, _hz: u32) -> Result<Sampler, String> {
        Err("not available: threads are sampled on Linux, on x86-64 and aarch64".to_owned())
    }

    /// Never called, for there is no sampler.
    pub fn stop(self) -> Counts {
        match self.0 {}
    }
}

/// None, for nobody watches.
pub fn open_polls() -> Vec<OpenPoll> {
    Vec::new()
}

/// What a runtime would call.
pub mod hooks {
    /// Does nothing.
    pub fn prepare() {}

    /// Does nothing.
    pub fn thread_stops() {}

    /// Does nothing.
    pub fn enter_poll(_task: u64) {}

    /// Does nothing.
    pub fn leave_poll() {}

    /// None that anybody saw.
    pub fn polls() -> u64 {
        0
    }

    /// There is none.
    ///
    /// # Errors
    /// Always.
    pub fn price_of_a_sample() -> Result<crate::lens::watching::Price, String> {
        Err("threads are sampled on Linux, on x86-64 and aarch64".to_owned())
    }
}
