//! The profilers: what looks into a run from inside the process under test.
//!
//! Nothing here may end the run that it looks into, or read what it wrote: names for addresses, sums and conclusions come
//! afterwards, from files alone, in another process. A profiler that cannot work says why in its status.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("the lab runs on Linux, x86-64 or arm64: its profilers walk stacks in a signal handler");

pub mod alloc;
mod complain;
pub mod console;
mod cpu;
pub mod hooks;
mod keeper;
mod price;
pub mod scheduler;
pub mod session;
mod signal;
mod spans;
pub mod stall;
pub mod threads;
pub mod walk;

use lab_recording::profiler::Lens;
use session::Instrument;

/// The allocator whose heap the profiler `alloc` can look into. A binary has it with
/// `#[global_allocator] static A: Counting<Jemalloc> = Counting::over(Jemalloc);`.
#[cfg(feature = "jemalloc")]
pub use tikv_jemallocator::Jemalloc;

/// What a child needs in its environment for the profiler that looks into it.
pub fn environment(profiler: Option<Lens>) -> Vec<(&'static str, String)> {
    match profiler {
        Some(Lens::Alloc) => alloc::environment().into(),
        Some(Lens::Console) => vec![console::environment()],
        _ => Vec::new(),
    }
}

/// The instrument of a profiler.
pub fn instrument(profiler: Lens) -> Box<dyn Instrument> {
    match profiler {
        Lens::Stall => Box::new(stall::lens::StallLens::default()),
        Lens::Sched => Box::new(scheduler::lens::SchedLens::new()),
        Lens::Alloc => Box::new(alloc::lens::AllocLens::default()),
        Lens::Cpu => Box::new(cpu::lens::CpuLens::default()),
        Lens::Console => Box::new(console::Console::new()),
        Lens::Spans => Box::new(spans::lens::SpansLens::new()),
    }
}
