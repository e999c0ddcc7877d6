//! The subcommands, one file each.

pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod completions;
mod console;
pub(crate) mod doctor;
mod dry_run;
pub(crate) mod export;
pub(crate) mod list;
mod live;
mod load;
pub mod overhead;
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

/// Prints a report and chooses the exit code by its verdict.
fn show(
    report: &Results,
    page: Option<&Path>,
    scenarios: &[&'static Scenario],
    format: Format,
    style: Style,
) -> anyhow::Result<Exit> {
    match format {
        Format::Json => exit::print_json(&document(report))?,
        Format::Ledger => exit::print(|to| ledger::print(&[report], scenarios, to))?,
        Format::Text => exit::print(|to| print(report, page, style, to))?,
    }
    Ok(match report.verdict {
        Verdict::Held => Exit::Done,
        Verdict::Broken => Exit::Broken,
        Verdict::NotMeasured => Exit::NotMeasured,
    })
}
