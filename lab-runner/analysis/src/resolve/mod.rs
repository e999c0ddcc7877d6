//! The half of the lenses that works in the parent once the child is gone: names for addresses, and a word for a lens
//! that could not say its own.

mod alloc;
mod cpu;
pub mod hand_offs;
pub mod scheduler;
mod spans;
pub mod stall;
pub mod threads;

use lab_recording::profiler::{Lens, Note};
use std::path::Path;

/// Completes what a lens left in the folder of its run. Nothing that it saw gets lost by this.
pub fn complete(lens: Lens, folder: &Path) -> anyhow::Result<()> {
    let said = Note::read(folder);
    let note = match (lens, said) {
        (_, Some(note)) if note.unavailable.is_some() => return Ok(()),
        (Lens::Stall, _) => or_why_not(stall::resolve(folder)),
        (Lens::Sched, said) => or_why_not(scheduler::resolve(folder, said)),
        (Lens::Cpu, _) => or_why_not(cpu::resolve(folder)),
        (Lens::Alloc, said) => or_why_not(alloc::resolve(folder, said)),
        (Lens::Console, said) => said.unwrap_or_default(),
        (Lens::Spans, _) => or_why_not(spans::resolve(folder)),
    };
    note.write(folder)
}

/// What a lens says, or why it has nothing to say.
fn or_why_not(note: anyhow::Result<Note>) -> Note {
    note.unwrap_or_else(|error| Note::unavailable(format!("{error:#}")))
}
