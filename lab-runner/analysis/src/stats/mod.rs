//! Statistics: paired estimates with intervals.

pub mod estimate;
pub mod signed_rank;
