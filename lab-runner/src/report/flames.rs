//! The flame graphs of an invocation as files of their own, that zoom and search without a page
//! around them.

use lab_analysis::evidence::Evidence;
use lab_analysis::results::Results;
use lab_analysis::stacks::Plumbing;
use lab_analysis::stacks::flame::{Shape, difference, graph};

/// File name and picture of each view: of every run, and of two runs how they differ in both
/// shapes. What has no samples has no picture.
pub(crate) fn all(report: &Results) -> Vec<(String, String)> {
    let scenario = &report.spec.scenario;
    report
        .evidence(Plumbing::Shown)
        .iter()
        .flat_map(|evidence| of_view(scenario, evidence))
        .collect()
}

fn of_view(scenario: &str, evidence: &Evidence) -> Vec<(String, String)> {
    let title = format!("{scenario}, {}", evidence.name);
    let compared = evidence.sides().is_some();
    let word = |number: usize, label: &str| match (compared, number) {
        (true, 0) => "before".into(),
        (true, _) => "after".into(),
        (false, _) => plain(label),
    };
    let of_run = |(number, seen)| {
        let side = evidence.side(seen);
        Some((word(number, side.label), graph(&side, &title).ok()?))
    };
    let runs = evidence.seen.iter().enumerate().filter_map(of_run);
    let shapes = [("difference-as-before", Shape::Before), ("difference-as-after", Shape::After)];
    let differences = evidence.sides().into_iter().flat_map(|[before, after]| {
        let drawn = shapes.map(|(word, shape)| {
            Some((word.to_owned(), difference(&before, &after, shape, &title).ok()?))
        });
        drawn.into_iter().flatten()
    });
    runs.chain(differences)
        .map(|(word, svg)| (format!("{}-{word}.svg", plain(&evidence.name)), svg))
        .collect()
}

/// A name as a part of a file's name.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(plain).take(60).collect()
}
