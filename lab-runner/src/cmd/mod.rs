//! The subcommands, one file each.

pub(crate) mod book;
pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod completions;
mod console;
pub(crate) mod doctor;
mod dry_run;
pub(crate) mod exercise;
pub(crate) mod export;
pub(crate) mod list;
mod live;
mod load;
pub(crate) mod new;
pub mod overhead;
pub(crate) mod pack;
mod page;
mod place;
mod profile;
mod recorded;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod score;
pub(crate) mod sweep;
pub(crate) mod verify;
pub(crate) mod version;

use crate::cli::Format;
use crate::exit;
use crate::exit::Exit;
use crate::report::{Style, document, ledger, print};
use lab_analysis::claims::Verdict;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use std::path::Path;

/// Prints a report and chooses the exit code by its verdict, with `--strict` or without.
fn show(
    report: &Results,
    page: Option<&Path>,
    scenarios: &[&'static Scenario],
    format: Format,
    style: Style,
    strict: bool,
) -> anyhow::Result<Exit> {
    match format {
        Format::Json => exit::print_json(&document(report))?,
        Format::Ledger => exit::print(|to| ledger::print(&[report], scenarios, to))?,
        Format::Text => exit::print(|to| print(report, page, style, to))?,
    }
    let exit = exit_code(report.verdict, report.measured_nothing(), report.undecided(), strict);
    if exit == Exit::Done && format == Format::Text {
        undecided_sentence(report).iter().for_each(|sentence| exit::say(sentence));
    }
    Ok(exit)
}

/// The exit code of what was judged or compared. What is undecided is no failure, unless that is
/// asked for.
fn exit_code(verdict: Verdict, nothing_measured: bool, undecided: usize, strict: bool) -> Exit {
    match verdict {
        Verdict::Broken => Exit::Broken,
        _ if nothing_measured || (strict && undecided > 0) => Exit::NotMeasured,
        _ => Exit::Done,
    }
}

/// What is undecided, in one sentence; none if nothing is.
fn undecided_sentence(report: &Results) -> Option<String> {
    let strict = "--strict makes that exit code 4";
    match (report.undecided(), &report.comparison) {
        (0, _) => None,
        (_, Some(_)) => {
            Some(format!("the comparison is undecided: more --pairs may decide it; {strict}"))
        }
        (1, None) => Some(format!("1 check is undecided; {strict}")),
        (n, None) => Some(format!("{n} checks are undecided; {strict}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undecided_checks_fail_only_a_strict_command_and_nothing_measured_fails_any() {
        let code =
            |verdict, nothing, undecided, strict| exit_code(verdict, nothing, undecided, strict);
        assert_eq!(code(Verdict::Held, false, 0, true), Exit::Done);
        assert_eq!(code(Verdict::NotMeasured, false, 2, false), Exit::Done);
        assert_eq!(code(Verdict::NotMeasured, false, 2, true), Exit::NotMeasured);
        assert_eq!(code(Verdict::NotMeasured, true, 2, false), Exit::NotMeasured);
        for strict in [false, true] {
            assert_eq!(code(Verdict::Broken, false, 2, strict), Exit::Broken);
        }
    }
}
