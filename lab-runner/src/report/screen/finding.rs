//! A finding as a block: what and where, six lines of source, what it cost, what to do, and what
//! would refute it.

use crate::report::findings::{self, cost};
use crate::report::screen::health::{Health, Word};
use crate::report::screen::{Line, View, side_of, source};
use crate::report::units::grouped;
use lab_analysis::diagnosis::Finding;
use lab_analysis::requests::Analysis;
use lab_recording::spec::Spec;

/// The column behind `FAULT`.
const INDENT: usize = 7;

/// How much of a finding is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Lines of source.
    pub source: usize,
    /// Clauses of evidence.
    pub evidence: usize,
}

impl Room {
    /// All of it.
    pub const ALL: Room = Room { source: 6, evidence: usize::MAX };

    /// From all of it to what the headline needs to be understood.
    pub const SMALLER: [Room; 9] = [
        Room::ALL,
        Room { source: 5, evidence: usize::MAX },
        Room { source: 4, evidence: 4 },
        Room { source: 4, evidence: 2 },
        Room { source: 3, evidence: 2 },
        Room { source: 3, evidence: 1 },
        Room { source: 2, evidence: 1 },
        Room { source: 1, evidence: 1 },
        Room { source: 0, evidence: 1 },
    ];
}

/// The headline: `FAULT  long poll: shop::import`.
pub(crate) fn headline(word: Word, sentence: &str) -> Line {
    let (colour, text) = (word.colour(), word.text());
    let hang = (text.len() + 2).max(INDENT);
    Line::hanging(format!("{colour}{text:<width$}{colour:#}{sentence}", width = hang), hang)
}

/// The block of a run's first finding, and a line for each other one.
pub(crate) fn lines(view: &View<'_>, run: &Analysis, health: &Health<'_>, room: Room) -> Vec<Line> {
    let mut lines = vec![headline(health.word, &health.sentence)];
    let Some(finding) = health.finding else { return lines };
    lines.extend(place(finding));
    let around = source_lines(view, finding, room.source);
    lines.push(Line::blank());
    lines.extend(around);
    let shown = sentence(view, run, finding, room.evidence);
    if !shown.is_empty() {
        lines.push(indented(&shown));
    }
    lines.push(Line::hanging(format!("{:<INDENT$}{}", "Try", remedy(view, finding)), INDENT));
    lines.push(Line::hanging(format!("Ruled out if {}", finding.refuted_by), INDENT));
    lines
}

/// What else was found, a line each.
pub(crate) fn others(findings: &[Finding]) -> Vec<Line> {
    let one = |finding: &Finding| {
        let at = findings::place(finding).map_or_else(String::new, |place| format!(" in {place}"));
        let cost = cost(&finding.cost).map_or_else(String::new, |cost| format!(": {cost}"));
        Line::labelled("also", &format!("{}{at}{cost}", finding.cause))
    };
    findings.iter().skip(1).map(one).collect()
}

fn indented(text: &str) -> Line {
    Line::hanging(format!("{:INDENT$}{text}", ""), INDENT)
}

fn place(finding: &Finding) -> Option<Line> {
    let (file, line) = finding.file.as_ref().zip(finding.line)?;
    Some(indented(&format!("{}:{line}", source::shown(file))))
}

fn source_lines(view: &View<'_>, finding: &Finding, most: usize) -> Vec<Line> {
    let place = finding.file.as_ref().zip(finding.line);
    let text = place.and_then(|(file, line)| Some(((view.read)(file)?, line)));
    text.map_or_else(Vec::new, |(text, line)| source::around(&text, line as usize, most))
}

/// `Profiled run, 2 s: 1 183 requests waited 288 ms on average; the longest poll took 591 ms.`
fn sentence(view: &View<'_>, run: &Analysis, finding: &Finding, evidence: usize) -> String {
    let clauses: Vec<String> = cost(&finding.cost)
        .into_iter()
        .chain(finding.evidence.iter().take(evidence).cloned())
        .collect();
    if clauses.is_empty() {
        return String::new();
    }
    match profiled(view, &run.recording.spec) {
        Some(label) => format!("{label}: {}.", clauses.join("; ")),
        None => format!("{}.", capital(&clauses.join("; "))),
    }
}

/// Which run a finding is about, where that is not the measured one: it is shorter or larger, so
/// its numbers are others.
fn profiled(view: &View<'_>, spec: &Spec) -> Option<String> {
    let side = side_of(spec);
    let of_it = view.results.profiles.iter().find(|profile| {
        profile.spec.variant == spec.variant && profile.side() == side && profile.sched.is_some()
    })?;
    let load = &of_it.spec.load;
    Some(match load.is_batch() {
        true => format!("Profiled run, batch of {}", grouped(load.size as i64)),
        false => format!("Profiled run, {} s", load.duration_ms as f64 / 1e3),
    })
}

/// The remedy, and the chapter with more about it.
fn remedy(view: &View<'_>, finding: &Finding) -> String {
    let scenario = &view.results.spec.scenario;
    let chapters =
        [format!("book/src/{}.md", finding.chapter), format!("scenarios/{scenario}/README.md")];
    let more = chapters.iter().find(|path| (view.read)(path).is_some());
    let more = more.map_or_else(String::new, |path| format!(" ({path})"));
    format!("{}{more}", finding.remedy)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
