//! The text of a score: one screen, the matrix, and every run that was diagnosed wrongly.

mod json;
mod markdown;
mod plan;
mod rules;

pub(crate) use json::document;
pub(crate) use markdown::markdown;
pub(crate) use plan::print_plan;
pub(crate) use rules::print_rules;

use crate::report::Style;
use crate::report::table::{BOLD, DIM};
use crate::report::units::{ascii, time};
use lab_analysis::score::{
    Answer, DetectionTime, Judgement, Matrix, Run, Score, Share, Tally, name,
};
use std::cmp::Reverse;
use std::io::{self, Write};
use std::path::Path;

/// Prints a score.
pub(crate) fn print(
    score: &Score,
    folder: &Path,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let overall = score.overall();
    let head = format!("score · {} of {} planned runs", score.runs.len(), score.recorded.planned());
    writeln!(to, "{BOLD}{}{BOLD:#}", ascii(&head, style))?;
    for line in left_out(score) {
        writeln!(to, "{DIM}{line}{DIM:#}")?;
    }
    print_overall(score, &overall, style, to)?;
    print_groups(&score.groups(), style, to)?;
    print_matrix(&score.matrix(), "first finding", style, to)?;
    if let Some(scanner) = &score.recorded.scanner {
        let head = format!("answer of {}", short(scanner));
        print_matrix(&score.other_matrix(), &head, style, to)?;
    }
    print_wrong(score, style, to)?;
    writeln!(to, "\nrecording  {}", folder.display())?;
    writeln!(to, "next       lab score --from {}", folder.display())
}

/// The runs that are left out, a line for each reason.
fn left_out(score: &Score) -> Vec<String> {
    let left = score.recorded.left_out;
    let more = if score.recorded.thorough { "" } else { ", --thorough runs all" };
    let all = [
        (
            left.label_does_not_hold,
            "left out: the fault does not occur with this number of workers".to_owned(),
        ),
        (left.refused, "left out: the scenario refuses the load".to_owned()),
        (left.no_time, format!("left out: no time{more}")),
        (score.unread(), "started without a usable recording".to_owned()),
    ];
    all.into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect()
}

/// The measures of all runs, in the order in which they are shown.
fn measures(tally: &Tally) -> [(&'static str, Share); 6] {
    [
        ("recall", tally.recall),
        ("named first", tally.named_first),
        ("precision", tally.precision),
        ("specificity", tally.specificity),
        ("called healthy", tally.called_healthy),
        ("localization", tally.localization),
    ]
}

/// What a measure counts.
fn description(measure: &str) -> &'static str {
    match measure {
        "recall" => "faulty runs whose true cause is among the findings",
        "named first" => "faulty runs whose costliest finding is the true cause",
        "precision" => "findings that are true",
        "specificity" => "healthy runs without a finding",
        "called healthy" => "healthy runs called healthy; the others are undecided",
        _ => "true findings that name the right function",
    }
}

fn print_overall(
    score: &Score,
    overall: &Tally,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let other = score.other();
    let heads = score.recorded.scanner.as_deref().map(|scanner| format!("{:<26}", short(scanner)));
    let heads = heads.unwrap_or_default();
    writeln!(to, "\n{DIM}{:<16}{:<26}{heads}share of{DIM:#}", "", "lab")?;
    for (number, (measure, share)) in measures(overall).into_iter().enumerate() {
        let other = other
            .as_ref()
            .map(|other| format!("{:<26}", with_interval(measures(other)[number].1, style)));
        let (share, of) = (with_interval(share, style), description(measure));
        writeln!(to, "{measure:<16}{share:<26}{}{DIM}{of}{DIM:#}", other.unwrap_or_default())?;
    }
    let took = overall.detection_time.map_or_else(|| "-".into(), |detect| detected(detect, style));
    let none = other.as_ref().map(|_| format!("{:<26}", "-")).unwrap_or_default();
    writeln!(
        to,
        "{:<16}{took:<26}{none}{DIM}from the start of a profiled run to its true finding{DIM:#}",
        "detection time"
    )?;
    let kinds = |[faulty, healthy]: [u64; 2]| format!("{faulty} faulty, {healthy} healthy");
    let ours = kinds(overall.undecided);
    match &other {
        None => {
            writeln!(to, "{:<16}{ours}", "undecided")?;
            writeln!(to, "{DIM}--scanner CMD scores an external scanner as well{DIM:#}")?;
        }
        Some(other) => {
            writeln!(to, "{:<16}{ours:<26}{}", "undecided", kinds(other.undecided))?;
            writeln!(
                to,
                "{:<16}{:<26}{:<26}{DIM}the scanner failed: no answer{DIM:#}",
                "crashed",
                "-",
                kinds(other.crashed)
            )?;
        }
    }
    if let Some(versions) = &score.recorded.scanner_versions {
        writeln!(to, "{:<16}{versions}", "versions")?;
    }
    writeln!(
        to,
        "{DIM}In brackets: exact binomial 95 % intervals. Runs of one variant are alike: they hold \
         for these variants.{DIM:#}"
    )
}

/// The end of a command, which fits into a column: its last two names.
fn short(command: &str) -> String {
    let names: Vec<&str> = command.rsplit('/').take(2).collect();
    let short = names.into_iter().rev().collect::<Vec<_>>().join("/");
    short.chars().take(24).collect()
}

/// A share with its interval: `20/22  91 % (71-99)`.
fn with_interval(share: Share, style: Style) -> String {
    let Some(value) = share.value() else { return "-".into() };
    let (low, high) = share.interval();
    let interval = format!("({:.0}–{:.0})", low * 100.0, high * 100.0);
    let interval = if style.plain { interval.replace('–', "-") } else { interval };
    format!("{}/{} {:.0} % {interval}", share.hits, share.of, value * 100.0)
}

fn detected(detect: DetectionTime, style: Style) -> String {
    let ms = |ms: f64| time(ms * 1e3, style);
    format!("{} ({} to {})", ms(detect.median_ms), ms(detect.min_ms), ms(detect.max_ms))
}

fn print_groups(groups: &[(String, Tally)], style: Style, to: &mut dyn Write) -> io::Result<()> {
    writeln!(
        to,
        "\n{DIM}{:<21}{:<22}{:<22}{:<22}localization{DIM:#}",
        "", "recall", "precision", "specificity"
    )?;
    for (name, tally) in groups {
        let shares = [tally.recall, tally.precision, tally.specificity, tally.localization]
            .map(|share| with_interval(share, style));
        let [recall, precision, specificity, place] = shares;
        writeln!(to, "{name:<21}{recall:<22}{precision:<22}{specificity:<22}{place}")?;
    }
    Ok(())
}

/// A row for each true cause: what was found first in its runs, the most frequent first. A table with
/// a column for each cause would be far too wide for a terminal, and nearly empty.
fn print_matrix(matrix: &Matrix, head: &str, style: Style, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "\n{DIM}{:<21}{head}, with the number of runs{DIM:#}", "truth")?;
    for (truth, counts) in &matrix.rows {
        let mut found: Vec<(u64, String)> =
            counts.iter().copied().zip(matrix.columns.iter().map(|of| of.name())).collect();
        found.retain(|(count, _)| *count > 0);
        found.sort_by_key(|(count, _)| Reverse(*count));
        let found: Vec<String> =
            found.iter().map(|(count, name)| format!("{name} {count}")).collect();
        writeln!(to, "{truth:<21}{}", ascii(&found.join(" · "), style))?;
    }
    Ok(())
}

fn print_wrong(score: &Score, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (number, run) in score.wrong().enumerate() {
        if number == 0 {
            writeln!(to, "\n{BOLD}wrong diagnoses{BOLD:#}")?;
        }
        writeln!(to, "{}", ascii(&wrong(run), style))?;
    }
    Ok(())
}

/// A run that was diagnosed wrongly: its folder, its fault, its findings.
fn wrong(run: &Run) -> String {
    let shown = |answer: &Answer| match &answer.function {
        Some(at) => format!("{} at {at}", name(answer.cause)),
        None => name(answer.cause),
    };
    let findings: Vec<String> = run.findings.iter().map(shown).collect();
    let findings = if findings.is_empty() { "nothing".into() } else { findings.join(", ") };
    let truth = run.truth.as_ref().map_or_else(|| "healthy".into(), shown);
    let cell = &run.cell;
    let neighbour = if cell.neighbour { ", noisy neighbour" } else { "" };
    let workers = if cell.workers == 1 { "worker" } else { "workers" };
    let load =
        format!("seed {}, {} load, {} {workers}{neighbour}", cell.seed, cell.load, cell.workers);
    format!(
        "{:<30} {:<15} {load}\n    truth     {truth}\n    findings  {findings}",
        cell.folder,
        verdict(run)
    )
}

fn verdict(run: &Run) -> &'static str {
    match run.judged.judgement {
        Judgement::Missed => "missed",
        Judgement::Crashed => "crashed",
        Judgement::MissedUndecided | Judgement::Undecided => "undecided",
        Judgement::FalsePositive => "false finding",
        Judgement::Named if run.judged.localized == Some(false) => "wrong function",
        Judgement::Named | Judgement::Healthy => "also a false finding",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lab_analysis::score::{Cell, Judged, Recorded};
    use lab_recording::Cause;

    pub(crate) fn made_up() -> Score {
        let answer = |cause, at: &str| Answer { cause, function: Some(at.to_owned()) };
        let run = |neighbour, truth: Option<Answer>, findings: Vec<Answer>| Run {
            cell: Cell {
                folder: "001-made-up-buggy".into(),
                scenario: "made-up".into(),
                variant: "buggy".into(),
                seed: 7,
                load: "own".into(),
                workers: 1,
                neighbour,
                detected_ms: Some(2_500.0),
                scanner: None,
            },
            judged: Judged::new(truth.as_ref(), &findings),
            truth,
            findings,
            other: None,
        };
        let truth = || Some(answer(Cause::LongPoll, "made_up::buggy::work"));
        let runs = vec![
            run(false, truth(), vec![answer(Cause::LongPoll, "made_up::buggy::work")]),
            run(true, truth(), vec![answer(Cause::BlockingCall, "made_up::other")]),
            run(false, None, Vec::new()),
        ];
        let cells = runs.iter().map(|run| run.cell.clone()).collect();
        Score { recorded: Recorded { cells, ..Recorded::default() }, runs }
    }

    #[test]
    fn a_score_is_shown_with_every_wrong_diagnosis() {
        let mut text = Vec::new();
        print(&made_up(), Path::new("x"), Style::new(true), &mut text).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&text).unwrap()).to_string();
        assert!(text.is_ascii(), "{text}");
        for part in [
            "score - 3 of 3 planned runs",
            "1/2 50 % (1-99)",
            "2.50 s (2.50 s to 2.50 s)",
            "--scanner CMD scores",
            "001-made-up-buggy              missed          seed 7, own load, 1 worker, noisy neighbour",
            "truth     long-poll at made_up::buggy::work",
            "findings  blocking-call at made_up::other",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn another_scanner_has_a_column_of_its_own() {
        let mut score = made_up();
        score.recorded.scanner = Some("scan".into());
        score.runs.iter_mut().for_each(|run| run.other = Some(run.judged.clone()));
        let mut text = Vec::new();
        print(&score, Path::new("x"), Style::new(true), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("1/2 50 % (1-99)           1/2 50 % (1-99)"), "{text}");
        assert!(!text.contains("--scanner CMD"), "{text}");
    }

    #[test]
    fn a_scanner_that_crashes_has_a_row_and_not_nothing() {
        let mut score = made_up();
        score.recorded.scanner = Some("benches/scanners/dial9/scan".into());
        score.recorded.scanner_versions = Some("dial9 0.0, node 1".into());
        for (run, line) in score.runs.iter_mut().zip(["crashed", "nothing", "crashed"]) {
            run.other = Some(Judged::from_line(run.truth.as_ref(), line));
        }
        let mut text = Vec::new();
        print(&score, Path::new("x"), Style::new(true), &mut text).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&text).unwrap()).to_string();
        for part in [
            "                lab                       dial9/scan                share of",
            "undecided       0 faulty, 0 healthy       0 faulty, 0 healthy\n",
            "crashed         -                         1 faulty, 1 healthy       the scanner failed",
            "versions        dial9 0.0, node 1\n",
            "answer of dial9/scan, with the number of runs\nlong-poll            nothing 1 - crashed 1",
            "\nhealthy              crashed 1\n",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
