//! One shape of evidence for every profiling profiler, and what is made of it: names that match,
//! differences, pictures.
//!
//! A profiler (cpu, allocations, stalls, spans) leaves a [`Folded`]. [`Names`] makes its frames
//! comparable, a [`Side`] says what it was measured in, and from there on no code asks which
//! profiler it was.

mod amount;
mod blame;
mod difference;
pub mod doing;
pub mod flame;
mod folded;
pub mod large_futures;
mod names;
mod own;
mod owner;
pub mod pprof;
pub mod runtime_frames;
mod side;
pub mod stalls;
pub mod symbol_path;
pub mod symbols;

pub use amount::amount;
pub use blame::{Blamed, combines, culprit, culprit_of_block_on};
pub use difference::{Change, Difference, Entry, Noise, Weight};
pub use folded::{Folded, MAX_BYTES, MAX_LINE, MAX_WEIGHT, Parsed, has_frame};
pub use names::{Names, Plumbing};
pub use own::{is_foreign, is_own, is_own_frame};
pub use owner::{Owner, own_function, owner};
pub use side::Side;
pub use symbol_path::without_closures;
