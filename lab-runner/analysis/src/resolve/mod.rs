//! The half of the profilers that works in the parent once the child is gone: names for addresses,
//! and a word for a profiler that could not say its own.

mod alloc;
mod awaits;
mod cpu;
pub mod crash;
pub mod hand_offs;
pub mod scheduler;
mod spans;
pub mod stall;
pub mod threads;

use lab_recording::profiler::{Profiler, ProfilerStatus};
use std::path::Path;

/// Completes the files of a profiler in the folder of its run, without losing recorded data.
pub fn complete(profiler: Profiler, folder: &Path) -> anyhow::Result<()> {
    let status = ProfilerStatus::read(folder);
    let note = match (profiler, status) {
        (_, Some(note)) if note.unavailable.is_some() => return Ok(()),
        (Profiler::Stall, _) => or_why_not(stall::resolve(folder)),
        (Profiler::Sched, status) => or_why_not(scheduler::resolve(folder, status)),
        (Profiler::Cpu, _) => or_why_not(cpu::resolve(folder)),
        (Profiler::Alloc, status) => or_why_not(alloc::resolve(folder, status)),
        (Profiler::Console, status) => status.unwrap_or_default(),
        (Profiler::Spans, _) => or_why_not(spans::resolve(folder)),
    };
    note.write(folder)
}

/// The status of a profiler, or why it has none.
fn or_why_not(note: anyhow::Result<ProfilerStatus>) -> ProfilerStatus {
    note.unwrap_or_else(|error| ProfilerStatus::unavailable(format!("{error:#}")))
}
