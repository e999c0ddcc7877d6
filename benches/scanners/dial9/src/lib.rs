//! dial9 as a scanner of `lab score`: <https://github.com/dial9-rs/dial9>.
//!
//! `benches/scanners/dial9/README.md` has the commands. This library is what needs no dial9: the
//! table of causes, and the way from a trace to an answer. The program in `main.rs` records.

pub mod causes;
pub mod flags;

pub mod scan;
