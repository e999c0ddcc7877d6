//! The half of the lenses that works in the parent once the child is gone: names for addresses, and a word for a lens
//! that could not say its own.

use super::{Lens, Note, alloc, console, cpu, sched, spans, stall};
use std::path::Path;

/// What a child needs in its environment for the lens that it is looked into with.
pub(crate) fn environment(lens: Option<Lens>) -> Vec<(&'static str, String)> {
    match lens {
        Some(Lens::Alloc) => alloc::environment().into(),
        Some(Lens::Console) => vec![console::environment()],
        _ => Vec::new(),
    }
}

/// Completes what a lens left in the folder of its run. Nothing that it saw gets lost by this.
pub(crate) fn complete(lens: Lens, folder: &Path) -> anyhow::Result<()> {
    let said = Note::read(folder);
    let note = match (lens, said) {
        (_, Some(note)) if note.unavailable.is_some() => return Ok(()),
        (Lens::Stall, _) => or_why_not(stall::lens::resolve(folder)),
        (Lens::Sched, said) => or_why_not(sched::resolve::resolve(folder, said)),
        (Lens::Cpu, _) => or_why_not(cpu::resolve(folder)),
        (Lens::Alloc, said) => or_why_not(alloc::resolve::resolve(folder, said)),
        (Lens::Console, said) => said.unwrap_or_default(),
        (Lens::Spans, _) => or_why_not(spans::resolve(folder)),
    };
    note.write(folder)
}

/// What a lens says, or why it has nothing to say.
fn or_why_not(note: anyhow::Result<Note>) -> Note {
    note.unwrap_or_else(|error| Note::unavailable(format!("{error:#}")))
}
