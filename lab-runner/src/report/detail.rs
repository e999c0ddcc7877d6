//! What is known of one run besides its screen: the load and the machine in full, every counter,
//! the scheduler and the diagnosis.

use crate::report::units;
use crate::report::units::{ascii, grouped};
use crate::report::{Style, awaits, findings, sched};
use anstyle::{AnsiColor, Style as Colour};
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::requests::over_time::{Slice, between};
use lab_analysis::requests::{Analysis, Part, Reading};
use lab_analysis::results::Results;
use lab_kit::{Bound, Measure};
use lab_recording::Ending;
use lab_recording::spec::Spec;
use std::io::{self, Write};

const DIM: Colour = Colour::new().dimmed();

/// Prints what the screen of a run leaves out.
pub(crate) fn print(
    report: &Results,
    run: &Analysis,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let spec = &run.recording.spec;
    writeln!(to, "load       {}", ascii(&load(spec), style))?;
    writeln!(to, "host       {}", ascii(&environment(spec), style))?;
    writeln!(to, "result     {}", ascii(&result(run), style))?;
    print_reasons(run, style, to)?;
    print_counters(run, style, to)?;
    sched::print(report, style, to)?;
    awaits::print(report, style, to)?;
    findings::print(report, style, to)?;
    writeln!(to, "\nrecording  {}", run.recording.folder.display())
}

/// The load in words.
pub(crate) fn load(spec: &Spec) -> String {
    let load = &spec.load;
    let work = match &load.messages {
        Some(file) => format!("messages of {}", file.display()),
        None => format!("size {}", units::bytes(load.size)),
    };
    if load.is_batch() {
        let workers =
            if load.workers == 1 { "1 worker".into() } else { format!("{} workers", load.workers) };
        return format!(
            "a batch of {} at once; {workers}, seed {}",
            grouped(load.size as i64),
            load.seed
        );
    }
    let workers =
        if load.workers == 1 { "1 worker".into() } else { format!("{} workers", load.workers) };
    let stall =
        load.stall_ms.map_or_else(String::new, |ms| format!(", stall {} s", ms as f64 / 1e3));
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
    let version = |name: &str, version: &Option<String>| {
        version.as_ref().map(|version| format!("{name} {version}"))
    };
    let compiler =
        here.rustc.as_ref().map(|rustc| rustc.split(" (").next().unwrap_or(rustc).to_owned());
    let cores = here.cores.map(|cores| format!("{cores} cores"));
    let known = [
        cores,
        here.cpu.clone(),
        version("tokio", &here.tokio),
        version("futures", &here.futures),
        compiler,
    ];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(crate) fn result(run: &Analysis) -> String {
    let outcome = &run.recording.outcome;
    let count = |name: &str| run.metrics.get(name).map_or(0, |reading| reading.value as i64);
    let mut parts = vec![outcome.ending.to_string()];
    if run.responses.is_some() {
        let answered = format!(
            "{} of {} requests answered",
            grouped(count("completed")),
            grouped(count("offered"))
        );
        let when = |count: fn(&Slice) -> u64| {
            let due = between(&run.over_time, count);
            due.map_or_else(String::new, |(from_s, to_s)| {
                format!(", due from {from_s:.2} s to {to_s:.2} s")
            })
        };
        let errors = match count("errors") {
            0 => String::new(),
            errors => {
                let when = when(|slice| slice.errors);
                format!(", {} of them with an error{when}", grouped(errors))
            }
        };
        let lost = format!("{} lost{}", grouped(count("lost")), when(|slice| slice.lost));
        parts.push(format!("{answered}{errors}, {lost}"));
    }
    parts.push(run.validity.verdict.to_string());
    parts.join(" · ")
}

fn print_reasons(run: &Analysis, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let ending = run
        .recording
        .outcome
        .text
        .iter()
        .filter(|_| run.recording.outcome.ending != Ending::Finished);
    for reason in ending.chain(&run.validity.reasons).chain(&run.notes) {
        let mut lines = reason.lines();
        writeln!(to, "           {}", ascii(lines.next().unwrap_or_default(), style))?;
        // An error may have a paragraph of its own: three lines tell what it is, the recording has
        // the rest.
        for line in lines.take(2) {
            writeln!(to, "             {}", ascii(line, style))?;
        }
    }
    Ok(())
}

/// What the variant reported about itself, and the few metrics that are no latencies.
pub(crate) fn counters(run: &Analysis, style: Style) -> Vec<String> {
    const TOLD_ELSEWHERE: [&str; 9] = [
        "offered",
        "sent",
        "accepted",
        "completed",
        "errors",
        "lost",
        "unfinished",
        "steal_share",
        "wall_ms",
    ];
    let latency = |name: &str| {
        name.starts_with("pacer_") || Part::ALL.iter().any(|part| name.starts_with(part.label()))
    };
    let listed = run
        .metrics
        .iter()
        .filter(|(name, _)| !latency(name) && !TOLD_ELSEWHERE.contains(&name.as_str()));
    listed.map(|(name, reading)| counter(name, reading, style)).collect()
}

fn print_counters(run: &Analysis, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let texts = counters(run, style);
    for (number, line) in filled(&texts, 69).iter().enumerate() {
        let head = if number == 0 { "counters" } else { "" };
        writeln!(to, "{head:<10} {}", ascii(line, style))?;
    }
    Ok(())
}

/// Joins texts to lines of about this many characters.
fn filled(texts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for text in texts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + text.chars().count() + 3 <= width => {
                *line += &format!(" · {text}")
            }
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
            format!(
                "{} {}",
                words(&name.replacen("_us_", " ", 1)),
                units::time(reading.value, style)
            )
        }
        None => format!("{} {}", words(name), units::number(reading.value)),
    }
}

pub(crate) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// The colour of a verdict.
pub(crate) fn colour(verdict: Verdict) -> Colour {
    match verdict {
        Verdict::Held => AnsiColor::Green.on_default(),
        Verdict::Broken => AnsiColor::Red.on_default().bold(),
        Verdict::NotMeasured => AnsiColor::Yellow.on_default(),
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

/// The measured value with the bound: `wait_max_us / import_us = 0.98 (must be ≥ 0.8)`.
pub(crate) fn evidence(claim: &Judged) -> Option<String> {
    if matches!(claim.claim.measure, Measure::Ending(_)) {
        return None;
    }
    let value = units::number(claim.value?);
    let must_be = match claim.claim.bound {
        Bound::AtLeast(bound) => format!("≥ {bound}"),
        Bound::AtMost(bound) => format!("≤ {bound}"),
        Bound::Equal(bound) => bound.to_string(),
    };
    Some(format!("{} = {value} (must be {must_be})", claim.claim.measure))
}
