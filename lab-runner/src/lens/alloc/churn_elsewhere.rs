//! The same names where stacks cannot be walked: starting says why.

use std::convert::Infallible;
use std::path::Path;

/// A sampler that cannot be.
#[derive(Debug)]
pub struct Churn(Infallible);

impl Churn {
    /// Never starts.
    ///
    /// # Errors
    /// Always.
    pub fn start(_folder: &Path) -> Result<Churn, String> {
        Err("stacks are walked on Linux, on x86-64 and aarch64".to_owned())
    }

    /// Never called, for there is no sampler.
    pub fn tell_counted(&self) {
        match self.0 {}
    }

    /// Never called either.
    pub fn stop(&self) {
        match self.0 {}
    }
}

/// Nobody is looked at anyway.
pub fn leave_this_thread_out() {}

/// There is none.
///
/// # Errors
/// Always.
pub fn price_of_a_sample(_folder: &Path) -> Result<crate::lens::watching::Price, String> {
    Err("stacks are walked on Linux, on x86-64 and aarch64".to_owned())
}
