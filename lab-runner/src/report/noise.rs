//! The noise floor of a machine beside a comparison: what `lab doctor` found when it compared a
//! variant with itself, if it was run into the same place.

use lab_analysis::comparison::paired::Comparison;
use lab_analysis::results::Results;
use lab_analysis::results::noise::Noise;

/// The line of the text report.
pub(crate) fn line(report: &Results, comparison: &Comparison) -> String {
    match &report.noise {
        Some(noise) => scatter(noise, comparison),
        None => "not measured on this machine: lab doctor".into(),
    }
}

/// In words, of the metrics that a comparison has.
pub(crate) fn scatter(noise: &Noise, comparison: &Comparison) -> String {
    let shown = comparison.metrics.iter().filter(|metric| metric.judged);
    let floors: Vec<String> = shown
        .filter_map(|metric| noise.floors.iter().find(|(name, _)| *name == metric.metric))
        .map(|(name, sd)| format!("{name} {:.1} %", sd.exp_m1() * 100.0))
        .collect();
    let floors = if floors.is_empty() { "none of these metrics".into() } else { floors.join(", ") };
    format!(
        "from pair to pair where nothing changed: {floors} ({}, {})",
        noise.of,
        noise.folder.display()
    )
}
