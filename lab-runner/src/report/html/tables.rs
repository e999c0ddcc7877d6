//! The tables of numbers: claims, percentiles, metrics of a comparison, runs beside each other.

use crate::report::compare::{interval, keeps};
use crate::report::detail::{evidence, words};
use crate::report::html::WORDS;
use crate::report::html::table::{Cell, Table};
use crate::report::screen::marks;
use crate::report::table::{is_story, name};
use crate::report::units::{bounded, reading, three_digits};
use lab_analysis::claims::control::PairedControl;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::comparison::paired::{Compared, Comparison};
use lab_analysis::comparison::verdict::Change;
use lab_analysis::requests::{Analysis, Part, QUANTILES, Reading};
use lab_analysis::results::Results;

/// More claims than this, and those that held and compare nothing stand apart.
const MANY: usize = 16;

/// The claims about the runs.
pub(crate) struct Claims {
    pub judged: Option<Table>,
    pub quiet: Option<Table>,
    /// How many were not judged, and which command judges them.
    pub not_judged: String,
}

pub(crate) fn claims(report: &Results) -> Claims {
    if !report.paired_controls.is_empty() {
        return Claims { judged: Some(kept(report)), quiet: None, not_judged: String::new() };
    }
    let applicable: Vec<(&str, &Judged)> =
        report.claims().filter(|(_, claim)| claim.applicable).collect();
    let many = applicable.len() > MANY;
    let (listed, quiet): (Vec<_>, Vec<_>) =
        applicable.into_iter().partition(|(_, claim)| !many || is_story(claim));
    let others = report.claims().filter(|(_, claim)| !claim.applicable).count();
    Claims {
        judged: judged("Checks of this scenario", &listed).some(),
        quiet: judged("Checks of single runs that hold", &quiet).some(),
        not_judged: match others {
            0 => String::new(),
            1 => format!(
                "1 more check compares with other runs: lab run {} --all",
                report.spec.scenario
            ),
            n => format!(
                "{n} more checks compare with other runs: lab run {} --all",
                report.spec.scenario
            ),
        },
    }
}

fn judged(caption: &str, claims: &[(&str, &Judged)]) -> Table {
    let row = |(variant, claim): &(&str, &Judged)| {
        let measured = claim.reason.clone().or_else(|| evidence(claim)).unwrap_or_default();
        let class = match claim.verdict {
            Verdict::Held => "good",
            Verdict::Broken => "bad",
            Verdict::NotMeasured => "open",
        };
        let verdict = Cell::of_class(claim.verdict.to_string(), class);
        vec![
            Cell::text(claim.claim.says),
            verdict,
            Cell::text(*variant),
            Cell::of_class(measured, "dim"),
        ]
    };
    let heads = ["check", "verdict", "variant", "measured"].map(Cell::text).into();
    Table::new(caption, heads, claims.iter().map(row).collect())
}

/// The negative controls, judged on side B.
fn kept(report: &Results) -> Table {
    let row = |kept: &PairedControl| {
        let (word, times, pairs) = keeps(kept);
        let class = match word {
            "keeps" => "good",
            "breaks" => "bad",
            _ => "open",
        };
        let verdict = Cell::of_class(word, class);
        vec![
            Cell::text(kept.claim.says),
            verdict,
            Cell::number(format!("{times} of {pairs} pairs")),
        ]
    };
    let caption = "What distinguishes a fix from a trap, checked on the side after of each pair";
    let heads = vec![Cell::text("check"), Cell::text("verdict"), Cell::number("pairs")];
    Table::new(caption, heads, report.paired_controls.iter().map(row).collect())
}

fn number(text: String, reading: &Reading) -> Cell {
    if reading.because.is_some() { Cell::faint(text) } else { Cell::number(text) }
}

/// Where the time of a single run's requests went.
pub(crate) fn percentiles(report: &Results) -> Option<Table> {
    let [(run, _)] = &report.runs[..] else { return None };
    run.responses.as_ref()?;
    let cell = |part: Part, suffix: &str| match run.metrics.get(&part.metric(suffix)) {
        Some(reading) => number(bounded(reading, WORDS), reading),
        None => Cell::faint("too few requests"),
    };
    let row = |part: Part| {
        let cells = QUANTILES.into_iter().map(|(_, suffix)| cell(part, suffix));
        [Cell::text(words(part.label()))].into_iter().chain(cells).collect()
    };
    let heads = QUANTILES.into_iter().map(|(_, name)| Cell::number(name.replace("p999", "p99.9")));
    let heads = [Cell::text("")].into_iter().chain(heads).collect();
    let table = Table::new(
        "Where the time went, by percentile",
        heads,
        Part::ALL.into_iter().map(row).collect(),
    );
    Some(table.noted(marks(run.metrics.values())))
}

/// The runs of an invocation beside each other.
pub(crate) fn runs(report: &Results) -> Option<Table> {
    if report.comparison.is_some() || report.runs.len() < 2 {
        return None;
    }
    let cell = |run: &Analysis, metric: &str| match run.metrics.get(metric) {
        Some(value) => number(reading(metric, value, WORDS), value),
        None => Cell::faint("-"),
    };
    let row = |run: &Analysis| {
        let cells = report.columns.iter().map(|column| cell(run, column.metric));
        let ending = format!("{}, {}", run.recording.outcome.ending, run.validity.verdict);
        let named =
            [Cell::text(name(run)), Cell::of_class(run.recording.spec.kind.to_string(), "dim")];
        named.into_iter().chain(cells).chain([Cell::text(ending)]).collect()
    };
    let columns = report.columns.iter().map(|column| Cell::number(column.head));
    let heads = ["variant", "kind"]
        .map(Cell::text)
        .into_iter()
        .chain(columns)
        .chain([Cell::text("ending")])
        .collect();
    let shown = report
        .runs
        .iter()
        .flat_map(|(run, _)| report.columns.iter().filter_map(|c| run.metrics.get(c.metric)));
    let rows = report.runs.iter().map(|(run, _)| row(run)).collect();
    Some(Table::new("All runs, side by side", heads, rows).noted(marks(shown)))
}

/// By how much each metric changed.
pub(crate) fn compared(comparison: &Comparison) -> Table {
    let Comparison { before, after, metrics, .. } = comparison;
    let mut heads = vec![Cell::text("metric"), Cell::number(before), Cell::number(after)];
    heads.extend([
        Cell::number("ratio"),
        Cell::text("interval"),
        Cell::text("verdict"),
        Cell::number("detectable"),
    ]);
    let halved: Vec<&str> =
        metrics.iter().filter(|metric| metric.halved).map(|metric| &metric.metric[..]).collect();
    let mut notes = vec![
        "The metric with a star decides. A verdict needs the whole interval; detectable is the \
         smallest change that this number of pairs detects at this noise."
            .to_owned(),
    ];
    if !halved.is_empty() {
        notes.push(format!(
            "A half was added to both sides, because some values are zero: {}.",
            halved.join(", ")
        ));
    }
    let caption = "Change of each metric within pairs";
    Table::new(caption, heads, metrics.iter().map(metric).collect()).noted(notes)
}

fn metric(metric: &Compared) -> Vec<Cell> {
    let value = |side: &Reading| Cell::number(reading(&metric.metric, side, WORDS));
    let star = if metric.primary { " ★" } else { "" };
    let named = [
        Cell::text(format!("{}{star}", words(&metric.metric))),
        value(&metric.before),
        value(&metric.after),
    ];
    let rest = match &metric.estimate {
        Ok(estimate) if !metric.judged => [
            Cell::faint(three_digits(estimate.ratio)),
            Cell::of_class("needs more pairs", "dim"),
            Cell::of_class("not judged", "dim"),
            Cell::number(""),
        ],
        Ok(estimate) => [
            Cell::number(three_digits(estimate.ratio)),
            Cell::text(interval(estimate)),
            verdict(metric),
            Cell::faint(
                metric
                    .detectable
                    .map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
            ),
        ],
        Err(why) => {
            [Cell::faint("-"), Cell::of_class(why, "dim"), Cell::text(""), Cell::number("")]
        }
    };
    named.into_iter().chain(rest).collect()
}

fn verdict(metric: &Compared) -> Cell {
    let class = match metric.change {
        Change::Improved => "good",
        Change::Regressed => "bad",
        Change::Equivalent => "",
        Change::Inconclusive => "open",
    };
    let doubt = if metric.disagrees { " (t differs)" } else { "" };
    Cell::of_class(format!("{}{doubt}", metric.change), class)
}
