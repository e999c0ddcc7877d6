//! What the lenses saw, in a few lines: where the code of the scenario is when it is seen, and what a cure changed.

use super::table::DIM;
use super::units::{ascii, grouped, three_digits};
use super::{Report, Style};
use crate::evidence::{Evidence, Seen, label, own_crate};
use crate::lens::Lens;
use crate::stacks::{Difference, Plumbing};
use std::io::{self, Write};

/// Changes that are told of each view: the HTML report has all.
const CHANGES: usize = 2;
/// Characters of a line behind the view's name.
const WIDTH: usize = 110;
/// Crates that are nobody's own code.
const FOREIGN: [&str; 5] = ["alloc", "core", "futures_util", "std", "tokio"];

/// Prints what lenses saw, and which of them saw nothing and why; nothing if nobody asked them to look.
pub(super) fn print(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let evidence = report.evidence(Plumbing::Tokio);
    let seen = evidence.iter().flat_map(|evidence| of_view(report, evidence));
    let missing = missing(report).into_iter().map(|(name, why)| (name, format!("not available: {why}")));
    let mut lines = seen.chain(missing).peekable();
    if lines.peek().is_some() {
        writeln!(to)?;
    }
    for (number, (name, text)) in lines.enumerate() {
        let head = if number == 0 { "lenses" } else { "" };
        writeln!(to, "{head:<10} {DIM}{:<14}{DIM:#} {}", ascii(&name, style), ascii(&cut(&text, WIDTH), style))?;
    }
    Ok(())
}

/// A line for each run, or for both of a comparison together, and the changes between them.
fn of_view(report: &Report, evidence: &Evidence) -> Vec<(String, String)> {
    let difference = evidence.difference().map(without_plumbing);
    let several = evidence.seen.len() > 1;
    let told = |seen: &Seen| {
        let text = inside(report, seen);
        if several { format!("{}: {text}", seen.label) } else { text }
    };
    let changes = difference.iter().flat_map(|difference| difference.lines(CHANGES));
    let texts = evidence.seen.iter().map(told).chain(changes);
    let named = |(number, text)| (if number == 0 { evidence.name.clone() } else { String::new() }, text);
    texts.enumerate().map(named).collect()
}

/// `93 % inside scenario_greedy::…::import, of 1 998 samples`
pub(super) fn inside(report: &Report, seen: &Seen) -> String {
    let samples = format!("{} samples", grouped(Evidence::samples(seen).round() as i64));
    let total = seen.folded.total();
    if total <= 0.0 {
        return "nothing was seen".into();
    }
    let in_crate = own_crate(report.scenario);
    let own = seen.folded.innermost(|frame| is_own(frame, in_crate));
    let most = |weights: &std::collections::BTreeMap<&str, f64>| {
        let most = weights.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
        Some(((*most.0).to_owned(), three_digits(100.0 * most.1 / total)))
    };
    match (most(&own), most(&seen.folded.own())) {
        (Some((function, share)), _) => format!("{share} % inside {function}, of {samples}"),
        (None, Some((function, share))) => format!("none of it in own code, {share} % in {function}, of {samples}"),
        (None, None) => samples,
    }
}

/// Whether a function is the scenario's own: of its crate where that is known.
pub(super) fn is_own(frame: &str, in_crate: Option<&str>) -> bool {
    let path = frame.trim_start_matches(['<', '&']).trim_start_matches("mut ");
    let Some((of, _)) = path.split_once("::") else { return false };
    in_crate.map_or(!FOREIGN.contains(&of), |own| of == own)
}

/// Without the frames that stand for the runtime and for the start of a thread: they change when anything does.
pub(super) fn without_plumbing(mut difference: Difference) -> Difference {
    difference.entries.retain(|entry| !entry.function.starts_with('['));
    difference
}

/// Each lens that was asked and could not look, with its run where there are several, and why.
pub(super) fn missing(report: &Report) -> Vec<(String, String)> {
    let mut missing: Vec<(Lens, String, Vec<String>)> = Vec::new();
    for profile in &report.profiles {
        let Some(why) = &profile.note.unavailable else { continue };
        let of = label(&profile.spec);
        match missing.iter_mut().find(|(lens, known, _)| (*lens, &known[..]) == (profile.lens, &why[..])) {
            Some((_, _, runs)) => runs.push(of),
            None => missing.push((profile.lens, why.clone(), vec![of])),
        }
    }
    let all = |lens: Lens| report.profiles.iter().filter(|profile| profile.lens == lens).count();
    let told = missing.into_iter().map(|(lens, why, runs)| match runs.len() < all(lens) {
        true => (lens.to_string(), format!("{why} ({})", runs.join(", "))),
        false => (lens.to_string(), why),
    });
    let lost = report.lost_profiles.iter().map(|what| ("profile".to_owned(), format!("cannot be read: {what}")));
    told.chain(lost).collect()
}

/// The text, or its beginning.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_is_that_of_the_scenario_or_else_of_nobody_else() {
        assert!(is_own("<scenario_greedy::…::Import as core::future::Future>::poll", Some("scenario_greedy")));
        assert!(!is_own("scenario_greedy_too::work", Some("scenario_greedy")));
        assert!(is_own("my_app::work", None) && !is_own("core::ptr::read", None) && !is_own("epoll_wait", None));
        assert!(!is_own("[thread start]", None));
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".into(), "ab…".into()));
    }
}
