//! Many runs of one variant: how often it ended how, with an exact interval, and how long it took.

use crate::report::detail::{colour, environment, load};
use crate::report::screen::fold;
use crate::report::table::BOLD;
use crate::report::units::{ascii, time};
use crate::report::{Style, Verbosity};
use lab_analysis::claims::{Judged, Verdict, overall};
use lab_analysis::requests::Analysis;
use lab_analysis::requests::trials::{ObservedTime, median, share_interval};
use lab_analysis::results::Results;
use lab_kit::{Metric, Scenario};
use lab_recording::{Ending, Kind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

type Run<'a> = (&'a Analysis, &'a [Judged]);

/// What many trials of a variant came to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    pub variant: &'a str,
    pub kind: Kind,
    /// Trials that were not cut off from outside.
    pub trials: u64,
    /// How many ended how.
    pub endings: BTreeMap<String, u64>,
    /// The share of hangs, with its exact 95 % interval.
    pub hung: [f64; 2],
    /// Requests that were lost, in all trials together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Median of the scenario's own primary time by Kaplan and Meier; absent if more than half
    /// never came to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_median_us: Option<f64>,
    /// What that time is.
    #[serde(skip)]
    pub primary: Option<Metric>,
}

/// Sums up trials by variant, in the order in which they were first run.
pub(crate) fn summaries(report: &Results) -> Vec<Summary<'_>> {
    let primary = own_time(report.scenario);
    by_variant(report).iter().map(|runs| summary(runs, primary)).collect()
}

/// The scenario's primary metric, if that is a stopwatch of its own, which a trial may leave
/// running.
fn own_time(scenario: Option<&Scenario>) -> Option<Metric> {
    let scenario = scenario?;
    scenario
        .metrics
        .iter()
        .copied()
        .find(|metric| metric.name == scenario.primary && metric.unit == "us")
}

fn by_variant(report: &Results) -> Vec<Vec<Run<'_>>> {
    let mut groups: Vec<Vec<Run<'_>>> = Vec::new();
    for (run, claims) in
        report.runs.iter().filter(|(run, _)| run.recording.spec.purpose.trial().is_some())
    {
        let same = |group: &&mut Vec<Run<'_>>| {
            group[0].0.recording.spec.variant == run.recording.spec.variant
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push((run, claims)),
            None => groups.push(vec![(run, claims)]),
        }
    }
    groups
}

fn summary<'a>(runs: &[Run<'a>], primary: Option<Metric>) -> Summary<'a> {
    let spec = &runs[0].0.recording.spec;
    let whole = || {
        runs.iter()
            .map(|(run, _)| *run)
            .filter(|run| run.recording.outcome.ending != Ending::Unfinished)
    };
    let mut endings = BTreeMap::new();
    whole()
        .for_each(|run| *endings.entry(run.recording.outcome.ending.to_string()).or_default() += 1);
    let trials = whole().count() as u64;
    let hung = endings.get("hung").copied().unwrap_or_default();
    let (low, high) = if trials > 0 { share_interval(hung, trials) } else { (0.0, 1.0) };
    let lost =
        whole().filter_map(|run| run.metrics.get("lost")).map(|reading| reading.value as u64);
    let times = primary.map_or_else(Vec::new, |primary| {
        let measured = whole().filter_map(|run| run.metrics.get(primary.name));
        measured
            .map(|reading| ObservedTime {
                time: reading.value,
                censored: reading.high > reading.value,
            })
            .collect()
    });
    Summary {
        variant: &spec.variant,
        kind: spec.kind,
        trials,
        endings,
        hung: [low, high],
        lost: lost.reduce(|a, b| a + b),
        primary_median_us: median(&times),
        primary,
    }
}

/// Prints trials.
pub(crate) fn print(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let spec = &report.spec;
    if style.verbosity == Verbosity::Quiet {
        let all = summaries(report).into_iter().map(|summary| {
            let endings = summary
                .endings
                .iter()
                .map(|(ending, n)| format!("{ending} {n} of {}", summary.trials));
            format!("{} {}", summary.variant, endings.collect::<Vec<_>>().join(", "))
        });
        return writeln!(
            to,
            "{}: {}",
            spec.scenario,
            ascii(&all.collect::<Vec<_>>().join("; "), style)
        );
    }
    let head = format!("{} · {} trials", spec.scenario, report.runs.len());
    writeln!(to, "{BOLD}{}{BOLD:#}", ascii(&head, style))?;
    let facts = [("load", format!("{} and following", load(spec))), ("host", environment(spec))];
    let shown = if style.verbosity == Verbosity::Full { 2 } else { 1 };
    for (label, text) in &facts[..shown] {
        print_folded(&format!("{label:<10} {text}"), 11, style, to)?;
    }
    writeln!(to)?;
    for (summary, runs) in summaries(report).iter().zip(by_variant(report)) {
        print_summary(summary, style, to)?;
        print_claims(&runs, style, to)?;
    }
    writeln!(to, "\nrecording  {}", report.folder.display())
}

fn print_summary(summary: &Summary<'_>, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let Summary { variant, kind, trials, hung: [low, high], .. } = summary;
    let endings: Vec<String> =
        summary.endings.iter().map(|(ending, n)| format!("{ending} {n} of {trials}")).collect();
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let lost = summary.lost.map_or_else(String::new, |lost| format!(" · {lost} requests lost"));
    let median = match (summary.primary_median_us, summary.primary) {
        (Some(us), Some(primary)) => format!(" · median {} {}", primary.about, time(us, style)),
        _ => String::new(),
    };
    let range =
        format!("hangs in {} to {} of all runs (95 % confidence)", percent(*low), percent(*high));
    let kind = if kind.to_string() == *variant { String::new() } else { format!(" ({kind})") };
    print_folded(
        &format!("{BOLD}{variant}{BOLD:#}{kind}  {}{median}", endings.join(", ")),
        11,
        style,
        to,
    )?;
    print_folded(&format!("           {range}{lost}"), 11, style, to)
}

/// Each claim once, with how many trials kept it.
fn print_claims(runs: &[Run<'_>], style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (number, claim) in runs[0].1.iter().enumerate().filter(|(_, claim)| claim.applicable) {
        let all: Vec<&Judged> = runs.iter().filter_map(|(_, claims)| claims.get(number)).collect();
        let held = all.iter().filter(|claim| claim.verdict == Verdict::Held).count();
        let verdict = overall(all.iter().copied());
        let colour = colour(verdict);
        let word = match verdict {
            Verdict::Held => "holds",
            Verdict::Broken => "broken",
            _ => "undecided",
        };
        let says = claim.claim.says;
        let text =
            format!("{colour}{word:<10}{colour:#} {says}: in {held} of {} trials", all.len());
        print_folded(&text, 11, style, to)?;
    }
    Ok(())
}

fn print_folded(text: &str, hang: usize, style: Style, to: &mut dyn Write) -> io::Result<()> {
    fold(&ascii(text, style), hang, style.width).iter().try_for_each(|line| writeln!(to, "{line}"))
}
