//! The noise floor for a comparison: from the A/A comparison of `lab doctor`, if it is in the
//! same folder of recordings.

use crate::comparison::paired::Comparison;
use crate::results::{analyses, rule};
use lab_kit::Scenario;
use lab_recording::spec::{Environment, Spec};
use std::path::{Path, PathBuf};

/// The scatter of metrics between pairs of an A/A comparison.
#[derive(Clone, Debug)]
pub struct Noise {
    /// The recording of the A/A comparison.
    pub folder: PathBuf,
    /// The scenario and variant of the A/A comparison.
    pub of: String,
    /// Metric → standard deviation of the log ratio of a pair.
    pub floors: Vec<(String, f64)>,
}

/// The prefix of the folders of `lab doctor`.
pub const DOCTOR: &str = "doctor-";

impl Noise {
    /// The newest A/A comparison that was recorded beside an invocation, on the same machine.
    pub fn beside(
        invocation: &Path,
        here: &Environment,
        scenarios: &[&'static Scenario],
    ) -> Option<Noise> {
        let is_null = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DOCTOR))
        };
        let beside =
            std::fs::read_dir(invocation.parent()?).ok()?.flatten().map(|entry| entry.path());
        let mut nulls: Vec<PathBuf> = beside.filter(is_null).collect();
        // Their names hold the time.
        nulls.sort();
        nulls.iter().rev().find_map(|folder| Noise::read(folder, here, scenarios))
    }

    fn read(folder: &Path, here: &Environment, scenarios: &[&'static Scenario]) -> Option<Noise> {
        let runs = analyses(folder).ok()?;
        let spec = runs.first()?.recording.spec.clone();
        let scenario = scenarios.iter().copied().find(|known| known.name == spec.scenario);
        let comparison = Comparison::from_runs(&runs, &rule(&spec, scenario))
            .filter(|null| null.invalid.is_none())?;
        let floors = comparison.metrics.iter().filter_map(|metric| {
            let estimate =
                metric.estimate.as_ref().ok().filter(|estimate| estimate.t.1.is_finite())?;
            Some((metric.metric.clone(), estimate.sd))
        });
        let of = format!("{} / {}", spec.scenario, spec.variant);
        is_same(&spec, here).then(|| Noise {
            folder: folder.to_owned(),
            of,
            floors: floors.collect(),
        })
    }
}

fn is_same(null: &Spec, here: &Environment) -> bool {
    (&null.environment.cpu, null.environment.cores, null.environment.optimised)
        == (&here.cpu, here.cores, here.optimised)
}
