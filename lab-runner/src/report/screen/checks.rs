//! The lab's own test of a run in a line: how many of the checks hold, and those that do not with
//! their reason.

use crate::report::detail::evidence;
use crate::report::sched::words::percent;
use crate::report::screen::{Line, View};
use lab_analysis::claims::{Judged, Verdict, is_about_a_profiler, is_about_a_sweep};
use lab_analysis::results::Results;

/// Checks that do not hold and are listed on a screen; `-v` lists all.
const LISTED: usize = 3;

/// A check with the variant that makes it, where there are several.
pub(crate) type Check<'a> = (Option<&'a str>, &'a Judged);

/// `7 of 7 hold`, with those that are broken or undecided.
pub(crate) fn counts(checks: &[Check<'_>]) -> String {
    let applicable = || checks.iter().filter(|(_, check)| check.applicable);
    let count =
        |verdict: Verdict| applicable().filter(|(_, check)| check.verdict == verdict).count();
    let (all, held, broken) = (applicable().count(), count(Verdict::Held), count(Verdict::Broken));
    let undecided = all - held - broken;
    let parts =
        [(broken, "broken"), (undecided, "undecided")].into_iter().filter(|(count, _)| *count > 0);
    let parts: String = parts.map(|(count, what)| format!(", {count} {what}")).collect();
    match all {
        0 => "none: this binary does not have the variant".to_owned(),
        _ => format!("{held} of {all} hold{parts}"),
    }
}

/// The line of the checks, and a line for each that does not hold.
pub(crate) fn lines(view: &View<'_>, checks: &[Check<'_>]) -> Vec<Line> {
    let overhead =
        overhead(view.results).map_or_else(String::new, |overhead| format!(" · {overhead}"));
    let mut lines = vec![Line::labelled("checks", &format!("{}{overhead}", counts(checks)))];
    let failed: Vec<&Check<'_>> = checks
        .iter()
        .filter(|(_, check)| check.applicable && check.verdict != Verdict::Held)
        .collect();
    let listed = if view.is_verbose() { failed.len() } else { LISTED };
    lines.extend(failed.iter().take(listed).map(|check| Line::labelled("", &sentence(check))));
    if failed.len() > listed {
        lines.push(Line::labelled(
            "",
            &format!("and {} more: {} report -v", failed.len() - listed, view.lab),
        ));
    }
    lines
}

/// `broken: the import ends: 1.2 s, at most 1 s`
fn sentence((variant, check): &Check<'_>) -> String {
    let word = if check.verdict == Verdict::Broken { "broken" } else { "undecided" };
    let why = check.reason.clone().or_else(|| evidence(check));
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let of = variant.map_or_else(String::new, |variant| format!("{variant}, "));
    format!("{word}: {of}{}{why}", check.claim.says)
}

/// All checks with what was measured, and how many need other runs.
pub(crate) fn all(view: &View<'_>, checks: &[Check<'_>]) -> Vec<Line> {
    let spec = &view.results.spec;
    let row = |(variant, check): &Check<'_>| {
        let evidence = check.reason.clone().or_else(|| evidence(check));
        let evidence = evidence.map_or_else(String::new, |evidence| format!(": {evidence}"));
        let of = variant.map_or_else(String::new, |variant| format!("{variant}, "));
        let word = match check.verdict {
            Verdict::Held => "holds",
            Verdict::Broken => "broken",
            _ => "undecided",
        };
        Line::labelled(word, &format!("{of}{}{evidence}", check.claim.says))
    };
    let mut lines: Vec<Line> =
        checks.iter().filter(|(_, check)| check.applicable).map(row).collect();
    let not_applicable = || checks.iter().map(|(_, check)| check).filter(|check| !check.applicable);
    let of_profilers = not_applicable().filter(|check| is_about_a_profiler(&check.claim)).count();
    let of_sweeps = not_applicable().filter(|check| is_about_a_sweep(&check.claim)).count();
    let of_runs = not_applicable().count() - of_profilers - of_sweeps;
    let commands = [
        (of_runs, "other runs", format!("run {} --all", spec.scenario)),
        (
            of_profilers,
            "all profilers",
            format!("run {} --variant {} --profile all", spec.scenario, spec.variant),
        ),
        (of_sweeps, "several sizes", format!("sweep {}", spec.scenario)),
    ];
    let more = commands.iter().filter(|(count, ..)| *count > 0);
    lines.extend(more.map(|(count, what, command)| {
        let verb = if *count == 1 { "needs" } else { "need" };
        Line::labelled("", &format!("{count} more {verb} {what}: {} {command}", view.lab))
    }));
    lines
}

/// The most that profiling took of the CPU time of any run.
pub(crate) fn overhead(results: &Results) -> Option<String> {
    let known = results.profiles.iter().filter_map(|profile| profile.overhead.as_ref().ok());
    let most = known.clone().map(|cost| cost.share.high).reduce(f64::max)?;
    let bound = if known.clone().all(|cost| cost.complete) { "at most" } else { "at least" };
    Some(format!(
        "profiling overhead {bound} {} CPU",
        percent((most * 100.0).ceil() / 100.0).replace(".00", "")
    ))
}
