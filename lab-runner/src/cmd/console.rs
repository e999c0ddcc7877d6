//! The run of `lab run --console` that is there to be watched: where to attach, and what watching cost.

use super::profile::profile;
use crate::analysis::analyse;
use crate::exit::{self, UsageError};
use crate::lens::Lens;
use crate::lens::console::{CAN_BE_WATCHED, HOW_TO_BE_WATCHED, port};
use crate::plan::{self, Planned};
use crate::recording;
use crate::report::Report;
use crate::supervise::Interrupts;
use std::path::Path;

/// CPU time that an operation takes.
const COST: &str = "cpu_us_per_op";

/// Refuses what this build cannot do, before anything is made.
pub(super) fn check() -> anyhow::Result<()> {
    if CAN_BE_WATCHED { Ok(()) } else { Err(UsageError::error(HOW_TO_BE_WATCHED)) }
}

/// Does a run once more, to be watched. Returns the signal that interrupted.
pub(super) fn watch(runs: &[Planned], folder: &Path, interrupts: &Interrupts) -> Option<i32> {
    let watched = plan::watched(runs);
    for run in &watched {
        let (scenario, variant) = (run.scenario.name, run.variant.name);
        exit::say(&format!("attach now to {scenario} {variant}: tokio-console http://127.0.0.1:{}", port()));
    }
    profile(&watched, folder, interrupts)
}

/// Says what being watched cost, by the CPU time of an operation in the watched run and in the measured one.
pub(super) fn say_cost(report: &Report) {
    for profile in report.profiles.iter().filter(|profile| profile.lens == Lens::Console) {
        let measured = profile.folder.ancestors().nth(2).and_then(|folder| measured(folder, &profile.spec.variant));
        exit::say(&match (cost(&profile.folder), measured) {
            (Some(watched), Some(measured)) => format!(
                "watched it took {:.2} times the CPU of an operation: {watched:.1} us instead of {measured:.1}",
                watched / measured
            ),
            _ => "what watching cost is not measured: one of the two runs has no CPU time of an operation".into(),
        });
    }
}

/// The same of the run of this variant that was measured.
fn measured(invocation: &Path, variant: &str) -> Option<f64> {
    let mut runs: Vec<_> = std::fs::read_dir(invocation).ok()?.flatten().map(|entry| entry.path()).collect();
    runs.sort();
    let of_it = |run: &&std::path::PathBuf| recording::read_spec(run).is_ok_and(|spec| spec.variant == variant);
    cost(runs.iter().find(of_it)?)
}

fn cost(run: &Path) -> Option<f64> {
    let metrics = analyse(recording::open(run).ok()?).metrics;
    metrics.get(COST).map(|cost| cost.value).filter(|cost| *cost > 0.0)
}
