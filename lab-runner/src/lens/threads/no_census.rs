//! The same names where threads cannot be asked.

use std::collections::BTreeMap;
use std::time::Duration;

/// Threads that can be asked at a time.
pub const MOST: usize = 1_024;

/// What threads would answer.
#[derive(Debug, Default)]
pub struct Answers {
    /// None.
    pub stacks: BTreeMap<i32, Vec<u64>>,
    /// None.
    pub silent: usize,
}

/// Asks nobody.
///
/// # Errors
/// Always.
pub fn ask(_tids: &[i32], _limit: Duration) -> Result<Answers, String> {
    Err("threads are asked for their stacks on Linux, on x86-64 and aarch64".to_owned())
}

/// Nothing.
pub fn own_stack() -> Vec<u64> {
    Vec::new()
}
