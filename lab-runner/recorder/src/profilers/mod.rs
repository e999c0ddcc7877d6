//! The profilers, one file each: each implements `Instrument` with the parts of this package.

mod alloc;
pub mod console;
mod cpu;
mod scheduler;
mod scheduler_costs;
mod spans;
mod stall;

use crate::instrument::Instrument;
use lab_recording::profiler::Profiler;

/// Environment variables of a child with this profiler.
pub fn environment(profiler: Option<Profiler>) -> Vec<(&'static str, String)> {
    match profiler {
        Some(Profiler::Alloc) => crate::alloc::environment().into(),
        Some(Profiler::Console) => vec![console::environment()],
        _ => Vec::new(),
    }
}

/// Makes the instrument of a profiler.
pub fn new(profiler: Profiler) -> Box<dyn Instrument> {
    match profiler {
        Profiler::Stall => Box::new(stall::StallProfiler::default()),
        Profiler::Sched => Box::new(scheduler::SchedProfiler::new()),
        Profiler::Alloc => Box::new(alloc::AllocProfiler::default()),
        Profiler::Cpu => Box::new(cpu::CpuProfiler::default()),
        Profiler::Console => Box::new(console::Console::new()),
        Profiler::Spans => Box::new(spans::SpansProfiler::new()),
    }
}
