//! Lenses: instruments that look into a run while it runs, and what can be read from them afterwards.
//!
//! The half that watches works inside the child and must never end the run that it watches; the half that
//! reads works in the parent, from files alone.

pub mod alloc;
pub(crate) mod child;
pub(crate) mod console;
mod cpu;
mod handover;
pub(crate) mod hooks;
mod kind;
mod leaves;
pub(crate) mod maps;
pub(crate) mod parent;
mod price;
pub mod sched;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod signal;
mod spans;
pub mod stall;
pub mod symbols;
pub mod threads;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod walk;
pub mod watching;

pub use kind::{Lens, Note, ViewNote};
pub use leaves::{MEMORY, MemoryAt, RequestPoll, SLOW_REQUEST, SlowRequest};

use child::Instrument;

/// The instrument of a lens.
pub(crate) fn instrument(lens: Lens) -> Box<dyn Instrument> {
    match lens {
        Lens::Stall => Box::new(stall::lens::StallLens::default()),
        Lens::Sched => Box::new(sched::lens::SchedLens::new()),
        Lens::Alloc => Box::new(alloc::lens::AllocLens::default()),
        Lens::Cpu => Box::new(cpu::lens::CpuLens::default()),
        Lens::Console => Box::new(console::Console::new()),
        Lens::Spans => Box::new(spans::lens::SpansLens::new()),
    }
}
