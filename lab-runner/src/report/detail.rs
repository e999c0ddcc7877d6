//! One run on one screen: what was asked, what came, a histogram, the claims, and what to do next.

use crate::report::units;
use crate::report::units::{ascii, bounded, grouped};
use crate::report::{Style, chart, findings, profilers, sched};
use anstyle::{AnsiColor, Style as Colour};
use lab_analysis::claims::{Judged, Verdict, is_about_a_profiler};
use lab_analysis::requests::{Analysis, Part, QUANTILES, Reading, ValidityVerdict};
use lab_analysis::results::Results;
use lab_kit::{Bound, Measure};
use lab_recording::spec::Spec;
use lab_recording::{Ending, Kind};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

const BOLD: Colour = Colour::new().bold();
const DIM: Colour = Colour::new().dimmed();

/// Prints a run.
pub(crate) fn print(
    report: &Results,
    (run, claims): (&Analysis, &[Judged]),
    page: Option<&Path>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let spec = &run.recording.spec;
    let head = format!("{} / {} ({}) · {}", spec.scenario, spec.variant, spec.kind, spec.about);
    writeln!(to, "{BOLD}{}{BOLD:#}\n", ascii(&head, style))?;
    writeln!(to, "asked      {}", ascii(&asked(spec), style))?;
    writeln!(to, "on         {}", ascii(&environment(spec), style))?;
    writeln!(to, "came       {}", ascii(&came(run), style))?;
    print_reasons(run, style, to)?;
    print_counters(run, style, to)?;
    print_latencies(run, style, to)?;
    print_claims(claims, spec, style, to)?;
    profilers::print(report, style, to)?;
    sched::print(report, style, to)?;
    findings::print(report, style, to)?;
    writeln!(to, "\nrecording  {}", run.recording.folder.display())?;
    print_page(page, to)?;
    writeln!(to, "next       {}", next(spec))
}

/// Where the same is to be seen in a browser, if it was written.
pub(crate) fn print_page(page: Option<&Path>, to: &mut dyn Write) -> io::Result<()> {
    page.iter().try_for_each(|page| writeln!(to, "report     {}", page.display()))
}

/// The load in words.
pub(crate) fn asked(spec: &Spec) -> String {
    let load = &spec.load;
    let work = match &load.messages {
        Some(file) => format!("messages of {}", file.display()),
        None => format!("size {}", units::bytes(load.size)),
    };
    if load.is_batch() {
        let workers = if load.workers == 1 { "1 worker".into() } else { format!("{} workers", load.workers) };
        return format!("a batch of {} at once; {workers}, seed {}", grouped(load.size as i64), load.seed);
    }
    let workers = if load.workers == 1 { "1 worker".into() } else { format!("{} workers", load.workers) };
    let stall = load.stall_ms.map_or_else(String::new, |ms| format!(", stall {} s", ms as f64 / 1e3));
    format!(
        "{} requests/s, {}, for {} s after {} s of warm-up; {workers}, {work}{stall}, seed {}",
        grouped(load.rate.round() as i64),
        load.arrivals,
        load.duration_ms as f64 / 1e3,
        load.warmup_ms as f64 / 1e3,
        load.seed
    )
}

/// The machine and the versions that decide a measurement, as far as they are known.
pub(crate) fn environment(spec: &Spec) -> String {
    let here = &spec.environment;
    let version = |name: &str, version: &Option<String>| version.as_ref().map(|version| format!("{name} {version}"));
    let compiler = here.rustc.as_ref().map(|rustc| rustc.split(" (").next().unwrap_or(rustc).to_owned());
    let cores = here.cores.map(|cores| format!("{cores} cores"));
    let known = [cores, here.cpu.clone(), version("tokio", &here.tokio), version("futures", &here.futures), compiler];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(crate) fn came(run: &Analysis) -> String {
    let outcome = &run.recording.outcome;
    let count = |name: &str| run.metrics.get(name).map_or(0, |reading| reading.value as i64);
    let mut parts = vec![outcome.ending.to_string()];
    if run.responses.is_some() {
        let answered = format!("{} of {} requests answered", grouped(count("completed")), grouped(count("offered")));
        parts.push(format!("{answered}, {} lost", grouped(count("lost"))));
    }
    parts.push(run.validity.verdict.to_string());
    parts.join(" · ")
}

fn print_reasons(run: &Analysis, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let ending = run.recording.outcome.text.iter().filter(|_| run.recording.outcome.ending != Ending::Finished);
    for reason in ending.chain(&run.validity.reasons).chain(&run.notes) {
        let mut lines = reason.lines();
        writeln!(to, "           {}", ascii(lines.next().unwrap_or_default(), style))?;
        // An error may have a paragraph of its own: three lines tell what it is, the recording has the rest.
        for line in lines.take(2) {
            writeln!(to, "             {}", ascii(line, style))?;
        }
    }
    Ok(())
}

/// What the variant reported about itself, and the few metrics that are no latencies.
pub(crate) fn counters(run: &Analysis, style: Style) -> Vec<String> {
    const TOLD_ELSEWHERE: [&str; 8] =
        ["offered", "sent", "accepted", "completed", "lost", "unfinished", "steal_share", "wall_ms"];
    let latency =
        |name: &str| name.starts_with("pacer_") || Part::ALL.iter().any(|part| name.starts_with(part.label()));
    let told = run.metrics.iter().filter(|(name, _)| !latency(name) && !TOLD_ELSEWHERE.contains(&name.as_str()));
    told.map(|(name, reading)| counter(name, reading, style)).collect()
}

fn print_counters(run: &Analysis, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let texts = counters(run, style);
    for (number, line) in filled(&texts, 100).iter().enumerate() {
        let head = if number == 0 { "measured" } else { "" };
        writeln!(to, "{head:<10} {}", ascii(line, style))?;
    }
    Ok(())
}

/// Joins texts to lines of about this many characters.
fn filled(texts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for text in texts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + text.chars().count() + 3 <= width => *line += &format!(" · {text}"),
            _ => lines.push(text.clone()),
        }
    }
    lines
}

fn counter(name: &str, reading: &Reading, style: Style) -> String {
    let unit = ["_us", "_ms"].into_iter().find_map(|unit| name.strip_suffix(unit));
    match unit {
        Some(bare) => format!("{} {}", words(bare), units::reading(name, reading, style)),
        None if name.contains("_us_per_") => {
            format!("{} {}", words(&name.replacen("_us_", " ", 1)), units::time(reading.value, style))
        }
        None => format!("{} {}", words(name), units::number(reading.value)),
    }
}

pub(crate) fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn print_latencies(run: &Analysis, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let Some(responses) = &run.responses else {
        let batch = run.recording.spec.load.is_batch();
        return if batch { Ok(()) } else { writeln!(to, "           no request was measured") };
    };
    let heads = QUANTILES.map(|(_, name)| format!("{:>12}", name.replace("p999", "p99.9")));
    writeln!(to, "\n{DIM}           {}{DIM:#}", heads.concat())?;
    for part in Part::ALL {
        write!(to, "{:<11}", words(part.label()))?;
        for (_, suffix) in QUANTILES {
            match run.metrics.get(&part.metric(suffix)) {
                Some(reading) if reading.because.is_some() => {
                    write!(to, "{DIM}{:>12}{DIM:#}", bounded(reading, style))?;
                }
                Some(reading) => write!(to, "{:>12}", bounded(reading, style))?,
                None => write!(to, "{DIM}{:>12}{DIM:#}", "n too small")?,
            }
        }
        writeln!(to)?;
    }
    print_marks(run.metrics.values(), style, to)?;
    if style.naive {
        print_naive(run, style, to)?;
    }
    writeln!(to)?;
    chart::lines(responses, style).iter().try_for_each(|line| writeln!(to, "  {line}"))
}

/// What a client would have said that waits for each answer before it sends the next request.
fn print_naive(run: &Analysis, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let Some(naive) = &run.naive else {
        return writeln!(to, "naive      a closed-loop client would have got no answer and told nothing");
    };
    write!(to, "{:<11}", "naive")?;
    for us in naive.us {
        write!(to, "{:>12}", us.map_or_else(|| "n too small".into(), |us| units::time(us, style)))?;
    }
    let offered = run.metrics.get("offered").map_or(0.0, |reading| reading.value);
    let (sent, offered) = (grouped(naive.sent as i64), grouped(offered as i64));
    writeln!(
        to,
        "\n{DIM}           a client that waits for each answer would have sent {sent} of the {offered} requests,"
    )?;
    writeln!(to, "           timed them from when they were sent, and met each stall once{DIM:#}")
}

/// Why some quantiles are only bounds.
pub(crate) fn print_marks<'a>(
    readings: impl IntoIterator<Item = &'a Reading>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut meanings = marks(readings).into_iter();
    meanings.try_for_each(|meaning| writeln!(to, "{DIM}           {}{DIM:#}", ascii(&meaning, style)))
}

/// Why some of these are only bounds, each reason once.
pub(crate) fn marks<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> Vec<String> {
    let reasons: BTreeSet<&str> = readings.into_iter().filter_map(|reading| reading.because).collect();
    let meaning = |reason: &str| match reason {
        "at floor" => "≤ at floor: under five times what a service that does nothing shows here".into(),
        "host-limited" => "≤ host-limited: the host took so much CPU time away that this may be its pause".into(),
        "generator-limited" => "≤ generator-limited: over a fifth of it is the pacer's own lag".into(),
        "between beats" => "≤ between beats: the heartbeat sees no freeze that is much shorter".into(),
        "never stopped" => "≥ never stopped: up to when the process was gone".into(),
        "cut off unanswered" => "≥ cut off: requests without an answer count at their age".into(),
        other => format!("? {other}"),
    };
    reasons.into_iter().map(meaning).collect()
}

fn print_claims(claims: &[Judged], spec: &Spec, style: Style, to: &mut dyn Write) -> io::Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    writeln!(to)?;
    claims.iter().filter(|claim| claim.asked).try_for_each(|claim| print_claim(claim, style, to))?;
    let (of_profilers, of_runs): (Vec<_>, Vec<_>) =
        claims.iter().filter(|claim| !claim.asked && !claim.is_outside_its_domain()).partition(|claim| is_about_a_profiler(&claim.claim));
    let Spec { scenario, variant, .. } = spec;
    match of_runs.len() {
        0 => {}
        1 => writeln!(to, "{DIM}1 more claim compares with other runs: lab run {scenario} --all{DIM:#}")?,
        n => writeln!(to, "{DIM}{n} more claims compare with other runs: lab run {scenario} --all{DIM:#}")?,
    }
    let outside = claims.iter().filter(|claim| claim.is_outside_its_domain()).count();
    if outside > 0 {
        writeln!(to, "{DIM}{outside} of {} checks are not judged at this load{DIM:#}", claims.len())?;
    }
    let look = format!("lab run {scenario} --variant {variant} --profile all");
    match of_profilers.len() {
        0 => Ok(()),
        1 => writeln!(to, "{DIM}1 more claim needs a profiler: {look}{DIM:#}"),
        n => writeln!(to, "{DIM}{n} more claims need a profiler: {look}{DIM:#}"),
    }
}

/// The colour of a verdict.
pub(crate) fn colour(verdict: Verdict) -> Colour {
    match verdict {
        Verdict::Held => AnsiColor::Green.on_default(),
        Verdict::Broken => AnsiColor::Red.on_default().bold(),
        Verdict::NotMeasured => AnsiColor::Yellow.on_default(),
    }
}

/// The colour of a validity.
pub(crate) fn validity_colour(validity: ValidityVerdict) -> Colour {
    match validity {
        ValidityVerdict::Valid => Colour::new(),
        ValidityVerdict::Overload => AnsiColor::Yellow.on_default(),
        ValidityVerdict::Invalid => AnsiColor::Red.on_default().bold(),
    }
}

pub(crate) fn print_claim(claim: &Judged, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let colour = colour(claim.verdict);
    let says = ascii(claim.claim.says, style);
    write!(to, "{colour}{:<12}{colour:#} {says}", claim.verdict)?;
    match (&claim.reason, evidence(claim)) {
        (Some(reason), _) => writeln!(to, "{DIM}: {}{DIM:#}", ascii(reason, style)),
        (None, Some(evidence)) => writeln!(to, "{DIM}: {}{DIM:#}", ascii(&evidence, style)),
        (None, None) => writeln!(to),
    }
}

/// What was measured beside what was asked: `wait_max_us / import_us = 0.98, ≥ 0.8`.
pub(crate) fn evidence(claim: &Judged) -> Option<String> {
    if matches!(claim.claim.measure, Measure::Ending(_)) {
        return None;
    }
    let value = units::number(claim.value?);
    let (must_be, bound) = match claim.claim.bound {
        Bound::AtLeast(bound) => ("≥", bound),
        Bound::AtMost(bound) => ("≤", bound),
        Bound::Equal(bound) => ("=", bound),
    };
    Some(format!("{} = {value}, {must_be} {bound}", claim.claim.measure))
}

/// What somebody who has read this wants to see next.
fn next(spec: &Spec) -> String {
    let scenario = &spec.scenario;
    match spec.kind {
        Kind::Buggy => format!("lab run {scenario} --fixed"),
        Kind::Fixed => format!("lab run {scenario} --all"),
        Kind::Fix | Kind::Trap | Kind::Decoy => format!("lab run {scenario} --all, or lab list {scenario}"),
    }
}
