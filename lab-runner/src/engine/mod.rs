//! From a list of runs to their recordings: planned, started one child after another, watched, ended.

pub(crate) mod child;
pub(crate) mod environment;
pub(crate) mod execute;
pub(crate) mod neighbour;
pub(crate) mod plan;
mod scratch;
pub(crate) mod supervise;
