//! The profiles, view by view: pictures, and the same in words and in tables.

use crate::report::html::graphs;
use crate::report::html::graphs::{Fineness, Graph, Room};
use crate::report::html::headline::blamed;
use crate::report::html::table::{Cell, Table};
use crate::report::profilers::{cut, inside, without_plumbing};
use crate::report::units::grouped;
use lab_analysis::evidence::{Evidence, label};
use lab_analysis::profile::Profile;
use lab_analysis::results::Results;
use lab_analysis::stacks::{Difference, Plumbing, amount, is_own, own_function};
use lab_recording::Ending;
use lab_recording::profiler::Profiler;
use std::collections::BTreeMap;

/// Rows of the table of functions, listed changes, and characters of a name in them.
const FUNCTIONS: usize = 15;
const CHANGES: usize = 12;
const NAME: usize = 160;
/// The measured CPU time of one operation, in microseconds.
const CPU_PER_OP: &str = "cpu_us_per_op";
/// Profiled and measured CPU time develop alike if their ratios differ by no more than this factor:
/// profiling overhead and the tick of the sampler come to less.
const AS_MUCH: f64 = 1.3;
/// Runs that the table of functions has room for.
const RUNS: usize = 4;

/// One view of one profiler.
pub(crate) struct View {
    pub id: String,
    pub name: String,
    /// The view that the page opens with.
    pub first: bool,
    /// Whether it has a picture.
    pub drawn: bool,
    /// What a picture of it shows and cannot show.
    pub shows: String,
    pub pictures: Vec<Choice>,
    /// Whether there are pictures with the runtime's own frames.
    pub full: bool,
    /// In words, for each run: where it is mostly.
    pub seen: Vec<(String, String)>,
    /// What changed from the first run to the second, and what both weigh.
    pub changes: Vec<String>,
    pub totals: String,
    pub functions: Option<Table>,
    /// What has to be known before believing it.
    pub notes: Vec<String>,
    /// What the profiler counted about its own work.
    pub counts: Vec<(String, String)>,
}

/// A picture that can be switched to.
pub(crate) struct Choice {
    pub label: String,
    /// Escaped already.
    pub legend: String,
    pub folded: Result<String, String>,
    pub full: Option<String>,
    /// It is a difference, with colours of its own.
    pub differs: bool,
    /// The one that is shown first.
    pub first: bool,
}

impl Choice {
    /// The picture, or nothing.
    pub fn svg(&self) -> &str {
        self.folded.as_deref().unwrap_or_default()
    }

    pub fn full(&self) -> &str {
        self.full.as_deref().unwrap_or_default()
    }

    /// Why there is none.
    pub fn why(&self) -> &str {
        self.folded.as_ref().err().map_or("", String::as_str)
    }
}

/// All views, and how fine their pictures are drawn, in words.
pub(crate) fn all(report: &Results) -> (Vec<View>, String) {
    let (folded, full) = (report.evidence(Plumbing::Tokio), report.evidence(Plumbing::Shown));
    let scenario = &report.spec.scenario;
    let graphs = folded.iter().zip(&full).map(|(folded, full)| {
        let title = format!("{scenario}, {}", folded.name);
        graphs::of_view(&title, folded, full)
    });
    let graphs: Vec<Vec<Graph>> = graphs.collect();
    let fineness = graphs::fineness(&graphs);
    let mut room = Room::all();
    let mut choices = |graphs: Vec<Graph>| {
        let first = graphs.iter().position(|graph| graph.folded.is_ok());
        let all = graphs.into_iter().enumerate();
        all.map(|(number, graph)| choice(graph, fineness, Some(number) == first, &mut room))
            .collect()
    };
    let all = folded.iter().zip(graphs).enumerate();
    let mut views: Vec<View> = all
        .map(|(number, (evidence, graphs))| view(report, number, evidence, choices(graphs)))
        .collect();
    if let Some(first) = carrier(report, &folded, &views) {
        views[first].first = true;
    }
    (views, format!("Frames narrower than {} % of a picture are left out.", fineness.narrowest))
}

/// The view that carries the finding: the one with the largest share of the blamed function, and of
/// those of the scheduler, which show who waits and not what the code does, only if no other has
/// it. Without a finding, the first with a picture.
fn carrier(report: &Results, evidence: &[Evidence], views: &[View]) -> Option<usize> {
    let drawn = || (0..views.len()).filter(|number| views[*number].drawn);
    let function = blamed(report).into_iter().find_map(|finding| finding.function.clone());
    let names = lab_analysis::evidence::names(report.scenario);
    let Some(function) = function.map(|function| own_function(&names.clean(&function))) else {
        return drawn().next();
    };
    let mut best: Option<(usize, (bool, f64))> = None;
    for number in drawn() {
        let view = &evidence[number];
        let is_blamed =
            |frames: &[&str]| frames.iter().any(|frame| own_function(frame) == function);
        let share = view.seen.first().and_then(|seen| seen.folded.share(is_blamed)).unwrap_or(0.0);
        let rank = (view.profiler != Profiler::Sched, share);
        // Of equals the first.
        if share > 0.0 && best.is_none_or(|(_, known)| rank > known) {
            best = Some((number, rank));
        }
    }
    best.map(|(number, _)| number).or_else(|| drawn().next())
}

fn choice(graph: Graph, fineness: Fineness, first: bool, room: &mut Room) -> Choice {
    let legend =
        graph.folded.as_ref().map_or_else(|_| String::new(), |picture| picture.legend().to_owned());
    let folded = graph.folded.and_then(|picture| room.take(picture.svg(fineness.narrowest, first)));
    let full = graph.full.filter(|_| fineness.full && folded.is_ok());
    let full = full.and_then(|picture| room.take(picture.svg(fineness.narrowest, false)).ok());
    Choice { label: graph.label, legend, folded, full, differs: graph.differs, first }
}

fn view(report: &Results, number: usize, evidence: &Evidence, pictures: Vec<Choice>) -> View {
    let difference = evidence.difference().map(without_plumbing);
    let of_profiler: Vec<&Profile> =
        report.profiles.iter().filter(|profile| profile.profiler == evidence.profiler).collect();
    View {
        id: format!("view-{number}"),
        name: evidence.name.clone(),
        first: false,
        drawn: pictures.iter().any(|picture| picture.folded.is_ok()),
        shows: evidence.shows.clone(),
        full: pictures.iter().any(|picture| picture.full.is_some()),
        pictures,
        seen: evidence
            .seen
            .iter()
            .map(|seen| (seen.label.clone(), inside(report, evidence, seen)))
            .collect(),
        changes: difference
            .iter()
            .flat_map(|d| d.lines(CHANGES))
            .map(|line| cut(&line, 2 * NAME))
            .collect(),
        totals: difference
            .map_or_else(String::new, |difference| totals(report, evidence, &difference)),
        functions: functions(report, evidence),
        notes: notes(evidence, &of_profiler),
        counts: of_profiler.iter().map(|profile| (label(&profile.spec), counts(profile))).collect(),
    }
}

/// What all samples of both sides stand for, beside the CPU time that was measured without a
/// profiler: where the two do not develop alike, the profiled runs did other work than the measured
/// ones.
fn totals(report: &Results, evidence: &Evidence, difference: &Difference) -> String {
    let ((before, after), (was, is)) = (&difference.labels, difference.totals);
    let (unit, per) = (&difference.unit, &difference.per);
    let text =
        format!("In total {} {per} {before}, {} {after}.", amount(was, unit), amount(is, unit));
    let metrics = report.comparison.iter().flat_map(|comparison| &comparison.metrics);
    let measured = metrics
        .filter(|_| evidence.profiler == Profiler::Cpu)
        .find(|metric| metric.metric == CPU_PER_OP);
    let Some(metric) = measured.filter(|_| unit == "us") else { return text };
    let (measured_was, measured_is) = (metric.before.value, metric.after.value);
    let measured = format!(
        "Measured without a profiler: {}, {}.",
        amount(measured_was, unit),
        amount(measured_is, unit)
    );
    let differs = (is / was) / (measured_is / measured_was);
    let alike = (1.0 / AS_MUCH..=AS_MUCH).contains(&differs);
    let doubt = " The profiled runs did other work than the measured ones: changes below are not \
                 confirmed.";
    format!("{text} {measured}{}", if alike { "" } else { doubt })
}

/// The functions with the largest share, with all that they call; the scenario's own ones in bold.
fn functions(report: &Results, evidence: &Evidence) -> Option<Table> {
    let runs = &evidence.seen[..evidence.seen.len().min(RUNS)];
    let totals: Vec<f64> =
        runs.iter().map(|seen| seen.folded.total().max(f64::MIN_POSITIVE)).collect();
    let (inclusive, own): (Vec<_>, Vec<_>) =
        runs.iter().map(|seen| (seen.folded.inclusive(), seen.folded.own())).unzip();
    let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
    for (weights, total) in inclusive.iter().zip(&totals) {
        for (function, weight) in weights.iter().filter(|(function, _)| !function.starts_with('['))
        {
            let share = largest.entry(function).or_default();
            *share = share.max(weight / total);
        }
    }
    let mut ordered: Vec<(&str, f64)> = largest.into_iter().collect();
    ordered.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let in_crate = lab_analysis::evidence::own_crate(report.scenario);
    let share =
        |weights: &BTreeMap<&str, f64>, function: &str, total: f64| match weights.get(function) {
            Some(weight) => Cell::number(format!("{:.1} %", 100.0 * weight / total)),
            None => Cell::faint("-"),
        };
    let row = |(function, _): &(&str, f64)| {
        let class = if is_own(function, in_crate) { "name own" } else { "name" };
        let shares = (0..runs.len()).flat_map(|run| {
            [share(&inclusive[run], function, totals[run]), share(&own[run], function, totals[run])]
        });
        [Cell::of_class(cut(function, NAME), class)].into_iter().chain(shares).collect()
    };
    let heads = runs.iter().flat_map(|seen| match runs.len() {
        1 => [Cell::number("inclusive"), Cell::number("self")],
        _ => [Cell::number(&seen.label), Cell::number("self")],
    });
    let heads = [Cell::text("function")].into_iter().chain(heads).collect();
    let caption = "Functions with the largest share, including what they call; user code in bold";
    Table::new(caption, heads, ordered.iter().take(FUNCTIONS).map(row).collect()).some()
}

/// Of both runs under the profiler: how they ended if not by themselves, what the profiler says,
/// what is wrong with its files.
fn notes(evidence: &Evidence, profiles: &[&Profile]) -> Vec<String> {
    let several = profiles.len() > 1;
    let named =
        |of: &str, text: &str| if several { format!("{of}: {text}") } else { text.to_owned() };
    let statements = profiles.iter().flat_map(|profile| {
        let of = label(&profile.spec);
        let ended = (profile.ending != Ending::Finished)
            .then(|| format!("the run under this profiler {}", profile.ending));
        ended.iter().chain(&profile.note.notes).map(|note| named(&of, note)).collect::<Vec<_>>()
    });
    let damage = evidence
        .seen
        .iter()
        .flat_map(|seen| seen.damage.iter().map(|damage| named(&seen.label, damage)));
    statements.chain(damage).collect()
}

fn counts(profile: &Profile) -> String {
    let counts = profile.note.counts.iter().map(|(name, count)| {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        format!("{} {}", name.replace('_', " "), grouped(count))
    });
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() { "no counts".into() } else { counts.join(" · ") }
}
