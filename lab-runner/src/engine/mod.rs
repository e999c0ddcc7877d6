//! From a list of runs to their recordings: planned, started one child after another, watched,
//! ended.

pub(crate) mod attach;
mod binary;
pub(crate) mod environment;
pub(crate) mod execute;
pub(crate) mod invocation;
pub(crate) mod neighbour;
pub(crate) mod plan;
mod progress;
pub(crate) mod raw;
pub(crate) mod recordings;
mod scratch;
pub(crate) mod supervise;
