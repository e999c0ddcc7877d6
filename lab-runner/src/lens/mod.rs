//! Lenses: instruments that look into a run while it runs, and what can be read from them afterwards.
//!
//! The half that watches works inside the child and must never end the run that it watches; the half that
//! reads works in the parent, from files alone.

pub(crate) mod maps;
pub mod stall;
pub mod symbols;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod walk;
