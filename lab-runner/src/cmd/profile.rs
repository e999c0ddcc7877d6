//! Profiles runs after they were measured: a child for each profiler, in a folder of its own beside
//! the measured ones.

use crate::engine::execute::run_each;
use crate::engine::plan::Planned;
use crate::engine::raw::{self, RawLogs};
use crate::engine::supervise::Interrupts;
use crate::exit;
use lab_analysis::profile::FOLDER;
use lab_analysis::resolve;
use lab_recording::profiler::{Profiler, ProfilerStatus};
use std::path::Path;

/// Does these runs, each of which has a profiler. Returns the signal that interrupted. The
/// measurement stands without profiles, so a full disk is no failure.
pub(crate) fn profile(
    runs: &[Planned],
    folder: &Path,
    interrupts: &Interrupts,
    logs: RawLogs,
) -> Option<i32> {
    let mut done = |number: usize, run: &Path| {
        if let Some(profiler) = runs[number - 1].purpose.profiler() {
            complete(profiler, run, logs);
        }
    };
    run_each(runs, &folder.join(FOLDER), interrupts, &mut done).unwrap_or_else(|error| {
        exit::say(&format!("warning: not all profilers were run: {error:#}"));
        interrupts.signal()
    })
}

/// Computes the results of a profiler's raw log. A log without results is kept: it is all that
/// there is of that run.
fn complete(profiler: Profiler, run: &Path, logs: RawLogs) {
    if let Err(error) = resolve::complete(profiler, run) {
        let shown = run.display();
        exit::say(&format!("warning: cannot compute the {profiler} profile in {shown}: {error:#}"));
        return;
    }
    let has_results = ProfilerStatus::read(run).is_some_and(|status| status.unavailable.is_none());
    if has_results && logs == RawLogs::Remove {
        raw::remove(profiler, run);
    }
}
