//! What the profilers saw, in a few lines: where the code of the scenario is when it is seen, and
//! what a fix changed.

use crate::report::table::DIM;
use crate::report::units::{ascii, grouped, percent, three_digits};
use crate::report::{Style, overhead};
use lab_analysis::evidence::{Evidence, RunView, label, own_crate};
use lab_analysis::results::Results;
use lab_analysis::stacks::{Difference, Plumbing, amount, is_own, without_closures};
use lab_recording::profiler::Profiler;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Listed changes of each view: the page has more.
const CHANGES: usize = 1;

/// Prints the results of profilers, and which have none and why; nothing if none was requested
/// to look.
pub(crate) fn print(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let evidence = report.evidence(Plumbing::Tokio);
    let seen = evidence.iter().flat_map(|evidence| of_view(report, evidence));
    let missing =
        missing(report).into_iter().map(|(name, why)| (name, format!("not available: {why}")));
    let overhead = overhead::lines(report, style).into_iter().enumerate();
    let overhead =
        overhead.map(|(number, text)| (if number == 0 { "overhead" } else { "" }.to_owned(), text));
    let mut lines = seen.chain(missing).chain(overhead).peekable();
    if lines.peek().is_some() {
        writeln!(to)?;
    }
    for (number, (name, text)) in lines.enumerate() {
        let head = if number == 0 { "profilers" } else { "" };
        writeln!(to, "{head:<10} {DIM}{:<14}{DIM:#} {}", ascii(&name, style), ascii(&text, style))?;
    }
    Ok(())
}

/// Prints the profilers with their number of runs, where all results would not fit a
/// screen.
pub(crate) fn print_which(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let profilers: BTreeSet<Profiler> =
        report.profiles.iter().map(|profile| profile.profiler).collect();
    let runs: BTreeSet<String> =
        report.profiles.iter().map(|profile| label(&profile.spec)).collect();
    if profilers.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = profilers.iter().map(Profiler::to_string).collect();
    let where_to = "lab report RUN shows what they recorded";
    writeln!(to, "\nprofilers  {} ran on {} of them: {where_to}", names.join(", "), runs.len())?;
    if let Some(cost) = overhead::most(report) {
        writeln!(to, "           {}", ascii(&cost, style))?;
    }
    let missing = missing(report);
    missing.into_iter().try_for_each(|(name, why)| {
        let text = format!("{name} not available: {why}");
        writeln!(to, "           {}", ascii(&text, style))
    })
}

/// A line for each run, or for both of a comparison together, and the largest change between them.
fn of_view(report: &Results, evidence: &Evidence) -> Vec<(String, String)> {
    let difference = evidence.difference().map(without_plumbing);
    let texts = match &evidence.seen[..] {
        [one] => vec![inside(report, evidence, one)],
        [before, after] => vec![both(report, evidence, [before, after])],
        several => several
            .iter()
            .map(|seen| format!("{}: {}", seen.label, inside(report, evidence, seen)))
            .collect(),
    };
    let changed = difference.filter(|difference| !difference.entries.is_empty());
    let changes = changed
        .into_iter()
        .flat_map(|difference| difference.lines(CHANGES).into_iter().take(CHANGES));
    let named =
        |(number, text)| (if number == 0 { evidence.name.clone() } else { String::new() }, text);
    texts.into_iter().chain(changes).enumerate().map(named).collect()
}

/// Where a run mostly is: a function or a step, its share in percent, and how it is called where it
/// is.
struct Most {
    function: String,
    share: String,
    own: bool,
    step: bool,
    /// The profiling overhead, where it is larger.
    refused: Option<String>,
}

impl Most {
    fn new(report: &Results, evidence: &Evidence, seen: &RunView) -> Option<Most> {
        let in_crate = own_crate(report.scenario);
        let own = seen.folded.innermost(|frame| is_own(frame, in_crate));
        let (weights, own) = if own.is_empty() { (seen.folded.own(), false) } else { (own, true) };
        let (function, weight) = weights.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let part = weight / seen.folded.total();
        let share = three_digits(100.0 * part);
        let refused = seen.overhead.filter(|cost| part < *cost).map(percent);
        Some(Most {
            function: without_closures(function),
            share,
            own,
            step: evidence.profiler == Profiler::Spans,
            refused,
        })
    }

    fn place(&self) -> String {
        match (self.own, self.step) {
            (true, _) => format!("inside {}", self.function),
            (false, true) => format!("in {}", self.function),
            (false, false) => format!("in {}, none of it in user code", self.function),
        }
    }
}

/// What a run's stacks stand for: `1 998 samples`, `1 378 s of waiting, summed over tasks`.
fn amount_of(evidence: &Evidence, seen: &RunView) -> String {
    if let Some(samples) = samples(evidence, seen) {
        return format!("{samples} samples");
    }
    let total = amount(seen.folded.total(), &evidence.unit);
    // Tasks wait at the same time: the sum may be many times as long as the run.
    let of_what =
        if evidence.profiler == Profiler::Sched { " of waiting, summed over tasks" } else { "" };
    format!("{total}{of_what}")
}

/// The number of samples, where it is known.
fn samples(evidence: &Evidence, seen: &RunView) -> Option<String> {
    let counted = (evidence.unit == "samples").then_some(&seen.folded);
    let samples = seen.samples.as_ref().or(counted)?;
    Some(grouped(samples.total().round() as i64))
}

/// `93 % inside shop::…::import (1 998 of 2 204 requested samples)`
pub(crate) fn inside(report: &Results, evidence: &Evidence, seen: &RunView) -> String {
    let Some(most) = Most::new(report, evidence, seen) else { return "no samples".into() };
    let requested = requested_samples(report, evidence, seen);
    let whole = match samples(evidence, seen).zip(requested) {
        Some((delivered, requested)) => format!("{delivered} of {requested} requested samples"),
        None => amount_of(evidence, seen),
    };
    match &most.refused {
        Some(cost) => format!("nothing above the profiling overhead of {cost} ({whole})"),
        None => format!("{} % {} ({whole})", most.share, most.place()),
    }
}

/// Requested samples, where the kernel delivers fewer.
fn requested_samples(report: &Results, evidence: &Evidence, seen: &RunView) -> Option<String> {
    let mut of_it = report
        .profiles
        .iter()
        .filter(|p| p.profiler == evidence.profiler && label(&p.spec) == seen.label);
    let count = of_it.next()?.note.counts.get("samples_asked")?;
    Some(grouped(*count as i64))
}

/// The shares of both sides, with common parts once.
fn both(report: &Results, evidence: &Evidence, sides: [&RunView; 2]) -> String {
    let most = sides.map(|seen| Most::new(report, evidence, seen));
    let [Some(was), Some(is)] = &most else {
        return sides
            .map(|seen| format!("{}: {}", seen.label, inside(report, evidence, seen)))
            .join("; ");
    };
    if was.refused.is_some() || is.refused.is_some() {
        return sides
            .map(|seen| format!("{}: {}", seen.label, inside(report, evidence, seen)))
            .join("; ");
    }
    let share = |seen: &RunView, most: &Most| {
        format!("{} {} % of {}", seen.label, most.share, amount_of(evidence, seen))
    };
    let [before, after] = [share(sides[0], was), share(sides[1], is)];
    match was.place() == is.place() {
        true => format!("{before}, {after} {}", was.place()),
        false => format!("{before} {}; {after} {}", was.place(), is.place()),
    }
}

/// Without the frames that stand for the runtime and for the start of a thread: they change when
/// anything does.
pub(crate) fn without_plumbing(mut difference: Difference) -> Difference {
    difference.entries.retain(|entry| !entry.function.starts_with('['));
    difference
}

/// The unavailable profilers with the reason, and with the run where there are several.
pub(crate) fn missing(report: &Results) -> Vec<(String, String)> {
    let mut missing: Vec<(Profiler, String, Vec<String>)> = Vec::new();
    for profile in &report.profiles {
        let Some(why) = &profile.note.unavailable else { continue };
        let of = label(&profile.spec);
        match missing
            .iter_mut()
            .find(|(profiler, known, _)| (*profiler, &known[..]) == (profile.profiler, &why[..]))
        {
            Some((_, _, runs)) => runs.push(of),
            None => missing.push((profile.profiler, why.clone(), vec![of])),
        }
    }
    let all = |profiler: Profiler| {
        report.profiles.iter().filter(|profile| profile.profiler == profiler).count()
    };
    let unavailable =
        missing.into_iter().map(|(profiler, why, runs)| match runs.len() < all(profiler) {
            true => (profiler.to_string(), format!("{why} ({})", runs.join(", "))),
            false => (profiler.to_string(), why),
        });
    let killed = report.killed_profiles.iter().map(|what| ("profile".to_owned(), what.clone()));
    let lost = report
        .lost_profiles
        .iter()
        .map(|what| ("profile".to_owned(), format!("cannot be read: {what}")));
    unavailable.chain(killed).chain(lost).collect()
}

/// The text, or its beginning.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".into(), "ab…".into()));
    }
}
