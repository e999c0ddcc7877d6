//! The screen of one run.

use crate::report::screen::checks::{self, Check};
use crate::report::screen::finding::{self, Room};
use crate::report::screen::health::{diagnosed, health, in_a_line};
use crate::report::screen::{Line, View, folded, latency, load};
use crate::report::table::BOLD;
use crate::report::units::bounded;
use crate::report::{overhead, profilers};
use lab_analysis::claims::Judged;
use lab_analysis::requests::Analysis;
use lab_analysis::stacks::Plumbing;
use lab_recording::Kind;

/// The screen, with as much of the finding as fits it.
pub(crate) fn lines(view: &View<'_>, run: &Analysis, claims: &[Judged]) -> Vec<Line> {
    let build = |room: Room| blocks(view, run, claims, room);
    if view.is_verbose() {
        return build(Room::ALL);
    }
    let fits = |lines: &Vec<Line>| folded(lines, view.style).len() <= view.style.height;
    let smaller = Room::SMALLER.into_iter().map(build);
    smaller.reduce(|best, next| if fits(&best) { best } else { next }).unwrap_or_default()
}

/// `greedy, variant buggy: FAULT long poll in shop::import (src/buggy.rs:11); p99 535 ms; 7 of 7
/// checks hold`
pub(crate) fn summary(view: &View<'_>, run: &Analysis, claims: &[Judged]) -> Line {
    let spec = &run.recording.spec;
    let health = health(view.results, run);
    let (colour, word) = (health.word.colour(), health.word.text());
    let tail =
        run.metrics.get("response_p99_us").map(|p99| format!("; p99 {}", bounded(p99, view.style)));
    Line::plain(format!(
        "{}, variant {}: {colour}{word}{colour:#} {}{}; checks: {}",
        spec.scenario,
        spec.variant,
        in_a_line(&health),
        tail.unwrap_or_default(),
        checks::counts(&of_run(claims))
    ))
}

/// The checks of a run.
fn of_run(claims: &[Judged]) -> Vec<Check<'_>> {
    claims.iter().map(|claim| (None, claim)).collect()
}

fn blocks(view: &View<'_>, run: &Analysis, claims: &[Judged], room: Room) -> Vec<Line> {
    let health = health(view.results, run);
    let checks = of_run(claims);
    let mut lines = head(run);
    lines.push(Line::blank());
    lines.extend(finding::lines(view, run, &health, room));
    if let Some(of) = diagnosed(view.results, run).filter(|_| health.finding.is_some()) {
        let others = finding::others(&of.diagnosis.findings);
        let shown = if view.is_verbose() { others.len() } else { 1 };
        lines.extend(others.into_iter().take(shown));
    }
    lines.push(Line::blank());
    lines.extend(latency::lines(run, view.style));
    if view.is_verbose() {
        lines.extend(latency::table(view, run));
        lines.push(Line::blank());
    }
    lines.extend(checks::lines(view, &checks));
    if view.is_verbose() {
        lines.extend(checks::all(view, &checks));
        lines.extend(profiled(view));
        lines.push(Line::blank());
    }
    lines.push(view.rest());
    lines.extend(next(view, run));
    lines
}

/// What was run and under which load, and what makes its numbers less than they seem.
fn head(run: &Analysis) -> Vec<Line> {
    let spec = &run.recording.spec;
    let name = format!("{}, variant {}", spec.scenario, spec.variant);
    let hang = name.len() + 3;
    let facts = [Some(load::load(&spec.load)), load::answered(run), load::machine(run)];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let mut lines = vec![
        Line::hanging(format!("{BOLD}{name}{BOLD:#}   {}", spec.about), hang),
        Line::plain(facts.join(" · ")),
    ];
    lines.extend(load::doubts(run).iter().map(|doubt| Line::labelled("warning", doubt)));
    lines.extend(run.notes.iter().map(|note| Line::labelled("note", note)));
    lines
}

/// A line for each profiler: where the program was seen, and what that cost.
pub(crate) fn profiled(view: &View<'_>) -> Vec<Line> {
    let results = view.results;
    let evidence = results.evidence(Plumbing::Tokio);
    let seen = evidence.iter().flat_map(|evidence| {
        let one =
            |seen| Line::labelled(&evidence.name, &profilers::inside(results, evidence, seen));
        evidence.seen.iter().map(one)
    });
    let missing = profilers::missing(results).into_iter();
    let missing =
        missing.map(|(name, why)| Line::labelled(&name, &format!("not available: {why}")));
    let costs = overhead::lines(results, view.style).into_iter();
    seen.chain(missing).chain(costs.map(|cost| Line::labelled("overhead", &cost))).collect()
}

/// What to run next, and how long that takes.
fn next(view: &View<'_>, run: &Analysis) -> Vec<Line> {
    let spec = &run.recording.spec;
    let (lab, scenario) = (view.lab, &spec.scenario);
    let fix = || {
        (
            format!("{lab} run {scenario} --fixed"),
            format!("measure the default fix ({})", load::run_takes(run)),
        )
    };
    let pairs = || {
        (
            format!("{lab} compare {scenario}"),
            format!("prove it, 8 pairs ({})", load::runs_take(run, 16)),
        )
    };
    let all = || (format!("{lab} run {scenario} --all"), "all variants in one table".to_owned());
    let commands = match spec.kind {
        Kind::Buggy => [fix(), pairs()],
        Kind::Fixed => [pairs(), all()],
        _ => [all(), (format!("{lab} list {scenario}"), "what each variant is".to_owned())],
    };
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    let row = |(number, (command, what)): (usize, &(String, String))| {
        Line::labelled(
            if number == 0 { "next" } else { "" },
            &format!("{command:<width$}   {what}"),
        )
    };
    commands.iter().enumerate().map(row).collect()
}
