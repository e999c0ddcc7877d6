//! What is known of a comparison besides its screen, and the words that its screen and its page
//! share.

use crate::report::detail::{environment, load};
use crate::report::units::{ascii, three_digits};
use crate::report::{Style, findings, latency, profilers, sched};
use lab_analysis::claims::control::PairedControl;
use lab_analysis::comparison::paired::{Comparison, Pair, Times};
use lab_analysis::results::Results;
use lab_analysis::stats::estimate::Estimate;
use lab_recording::spec::Side;
use std::io::{self, Write};

/// Prints what the screen of a comparison leaves out.
pub(crate) fn print(
    report: &Results,
    comparison: &Comparison,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let spec = &report.spec;
    writeln!(to, "load       {}", ascii(&load(spec), style))?;
    writeln!(to, "host       {}", ascii(&environment(spec), style))?;
    print_halved(comparison, to)?;
    print_work(comparison, style, to)?;
    profilers::print(report, style, to)?;
    sched::print(report, style, to)?;
    findings::print(report, style, to)?;
    writeln!(to, "\nrecording  {}", report.folder.display())?;
    print_pictures(report, to)
}

/// Whether it is kept, in how many of how many pairs. One pair that breaks it is enough: a fix
/// keeps it always.
pub(crate) fn keeps(kept: &PairedControl) -> (&'static str, usize, usize) {
    let PairedControl { held, broken, undecided, .. } = *kept;
    let (word, times) = match (broken, held) {
        (0, 0) => ("undecided", undecided),
        (0, _) => ("keeps", held),
        _ => ("breaks", broken),
    };
    (word, times, held + broken + undecided)
}

/// The command line that gave this, with the seed that it took when none was named.
pub(crate) fn repeat(report: &Results) -> Option<String> {
    let command = &report.spec.command;
    let first = report.comparison.as_ref().and_then(|comparison| comparison.pairs.first());
    let is_over = |of: &Comparison| !of.warnings.is_empty();
    let seed_is_told =
        command.contains("--seed") || report.comparison.as_ref().is_some_and(is_over);
    let seed = first.filter(|_| !seed_is_told).map(|pair| format!(" --seed {}", pair.seed));
    (!command.is_empty()).then(|| format!("lab {command}{}", seed.unwrap_or_default()))
}

/// Where the pictures are, if they were drawn: reading a recording draws none.
fn print_pictures(report: &Results, to: &mut dyn Write) -> io::Result<()> {
    let drawn = latency::FILES.into_iter().filter(|file| report.folder.join(file).is_file());
    match drawn.collect::<Vec<_>>()[..] {
        [] => Ok(()),
        ref files => writeln!(to, "pictures   {}", report.folder.join(files.join(", ")).display()),
    }
}

/// What is wrong with a pair, and what of it still counts: `pair 3: the run of fixed is invalid`.
pub(crate) fn spoiled(pair: &Pair) -> Option<String> {
    let number = pair.number;
    if let Some(why) = &pair.dropped {
        return Some(format!("pair {number}: {why}"));
    }
    let why = pair.disturbed.as_ref()?;
    Some(match pair.times {
        Times::Measured => return None,
        Times::Bounded(_) => format!("pair {number}: {why}; its times count as bounds"),
        Times::LeftOut => format!("pair {number}: {why}; only its counts are compared"),
    })
}

/// Which side of each pair ran first, and the seeds.
pub(crate) fn order(comparison: &Comparison) -> String {
    let pairs = comparison.pairs.iter();
    let order: Vec<&str> =
        pairs.map(|pair| if pair.first == Side::A { "AB" } else { "BA" }).collect();
    let seed = |pair: Option<&Pair>| pair.map_or(0, |pair| pair.seed);
    let (first, last) = (seed(comparison.pairs.first()), seed(comparison.pairs.last()));
    format!("{} with A = {}; seeds {first} to {last}", order.join(" "), comparison.before)
}

/// The metrics of which a run may have none.
fn print_halved(comparison: &Comparison, to: &mut dyn Write) -> io::Result<()> {
    let halved: Vec<&str> = comparison
        .metrics
        .iter()
        .filter(|metric| metric.halved)
        .map(|metric| metric.metric.as_str())
        .collect();
    match &halved[..] {
        [] => Ok(()),
        halved => {
            writeln!(
                to,
                "counts     compared with a half added, because a count may be zero: {}",
                halved.join(", ")
            )
        }
    }
}

/// `0.9 to 1.1, 95.0 %`
pub(crate) fn interval(estimate: &Estimate) -> String {
    let high = if estimate.high.is_finite() { three_digits(estimate.high) } else { "?".into() };
    format!("{} to {high}, {:.1} %", three_digits(estimate.low), estimate.level * 100.0)
}

/// How the runs ended, where not all of them did by themselves, and what they lost.
fn print_work(comparison: &Comparison, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let sides = [&comparison.before, &comparison.after]
        .into_iter()
        .zip(&comparison.endings)
        .zip(comparison.lost);
    for ((name, endings), lost) in sides {
        let endings: Vec<String> =
            endings.iter().map(|(ending, n)| format!("{ending} {n} times")).collect();
        if endings.iter().any(|ending| !ending.starts_with("finished"))
            || comparison.lost != [0.0, 0.0]
        {
            let text = format!(" {name}: {}, {lost:.0} requests lost", endings.join(", "));
            writeln!(to, "{}", ascii(&text, style))?;
        }
    }
    Ok(())
}
