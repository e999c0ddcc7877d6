//! The facts of an invocation: load, host, build, and conditions that limit the conclusion.

use crate::report::detail::{counters, environment as versions, load, result};
use crate::report::{compare, noise};
use lab_analysis::results::Results;
use lab_recording::Ending;
use std::collections::BTreeSet;

/// Warnings, dropped runs and notes that most runs share.
pub(crate) fn doubts(report: &Results) -> Vec<String> {
    let warnings =
        report.comparison.iter().flat_map(|comparison| comparison.warnings.iter().cloned());
    let most = |note: &String| {
        let noted_by = report.runs.iter().filter(|(run, _)| run.notes.contains(note)).count();
        2 * noted_by > report.runs.len()
    };
    let notes: BTreeSet<String> = report
        .runs
        .iter()
        .flat_map(|(run, _)| &run.notes)
        .filter(|note| most(note))
        .cloned()
        .collect();
    let one = if let [(run, _)] = &report.runs[..] { Some(run) } else { None };
    let reasons = one.iter().flat_map(|run| run.validity.reasons.iter().cloned());
    let ending = one.iter().filter(|run| run.recording.outcome.ending != Ending::Finished);
    let ending = ending.filter_map(|run| run.recording.outcome.text.clone());
    warnings.chain(ending).chain(reasons).chain(notes).collect()
}

/// The load, the order of the runs, and the result.
pub(crate) fn facts(report: &Results) -> Vec<(&'static str, String)> {
    let spec = &report.spec;
    let mut rows = vec![("load", load(spec))];
    if let Some(comparison) = &report.comparison {
        rows.push(("order of pairs", compare::order(comparison)));
        rows.push(("host noise", noise::line(report, comparison)));
    }
    if let [(run, _)] = &report.runs[..] {
        let about = if spec.about.is_empty() { String::new() } else { format!(": {}", spec.about) };
        rows.insert(0, ("variant", format!("{}{about}", spec.variant)));
        rows.push(("result", result(run)));
        let measured = counters(run, crate::report::html::WORDS);
        rows.extend((!measured.is_empty()).then(|| ("measured", measured.join(" · "))));
    }
    rows.push(("recording", report.folder.display().to_string()));
    rows
}

/// The pairs that do not count, or of which only counts or bounds do.
pub(crate) fn dropped(report: &Results) -> Vec<String> {
    report
        .comparison
        .iter()
        .flat_map(|comparison| &comparison.pairs)
        .filter_map(compare::spoiled)
        .collect()
}

/// The machine and what the lab was built with, as far as it is known.
pub(crate) fn environment(report: &Results) -> Vec<(&'static str, String)> {
    let here = &report.spec.environment;
    let build = if here.optimised { "optimised" } else { "not optimised" };
    let hooks = if here.tokio_unstable { "with" } else { "without" };
    let mut rows = vec![
        ("host", versions(&report.spec)),
        ("system", here.os.clone()),
        ("lab", format!("{}, {build}, {hooks} tokio_unstable", here.lab)),
    ];
    rows.extend(here.allocator.clone().map(|allocator| ("allocator", allocator)));
    rows
}
