//! Looks into runs after they were measured: a child for each profiler, in a folder of their own beside the measured ones.

use crate::engine::execute::run_each;
use crate::engine::plan::Planned;
use crate::engine::supervise::Interrupts;
use crate::exit;
use lab_analysis::profile::FOLDER;
use lab_analysis::resolve;
use std::path::Path;

/// Does these runs, each of which has a profiler. Returns the signal that interrupted. What was measured stands without them, so
/// a full disk is no failure.
pub(crate) fn profile(runs: &[Planned], folder: &Path, interrupts: &Interrupts) -> Option<i32> {
    let mut complete = |number: usize, run: &Path| {
        let profiler = runs[number - 1].purpose.profiler();
        // What a profiler lacks is told where it is shown; a run is never lost by it.
        if let Some(Err(error)) = profiler.map(|profiler| resolve::complete(profiler, run)) {
            exit::say(&format!("what the profiler left in {} cannot be completed: {error:#}", run.display()));
        }
    };
    run_each(runs, &folder.join(FOLDER), interrupts, &mut complete).unwrap_or_else(|error| {
        exit::say(&format!("warning: not all profilers could look: {error:#}"));
        interrupts.signal()
    })
}
