//! From a scheduler's recording to who held the workers and who waited for them. Pure.

mod summary;
mod worth;

pub use summary::{
    Blame, Culprit, Doing, Edge, Group, Piece, ProbeSummary, Quantiles, Row, SCHED, Sched, Stretch, Worker,
};
pub use worth::worth;
