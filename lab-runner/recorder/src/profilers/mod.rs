//! The profilers, one file each: which instruments a run is looked at with, and what each of their events costs.

mod alloc;
pub mod console;
mod cpu;
mod scheduler;
mod scheduler_costs;
mod spans;
mod stall;

use crate::instrument::Instrument;
use lab_recording::profiler::Lens;

/// What a child needs in its environment for the profiler that looks into it.
pub fn environment(profiler: Option<Lens>) -> Vec<(&'static str, String)> {
    match profiler {
        Some(Lens::Alloc) => crate::alloc::environment().into(),
        Some(Lens::Console) => vec![console::environment()],
        _ => Vec::new(),
    }
}

/// The instrument of a profiler.
pub fn new(profiler: Lens) -> Box<dyn Instrument> {
    match profiler {
        Lens::Stall => Box::new(stall::StallLens::default()),
        Lens::Sched => Box::new(scheduler::SchedLens::new()),
        Lens::Alloc => Box::new(alloc::AllocLens::default()),
        Lens::Cpu => Box::new(cpu::CpuLens::default()),
        Lens::Console => Box::new(console::Console::new()),
        Lens::Spans => Box::new(spans::SpansLens::new()),
    }
}
