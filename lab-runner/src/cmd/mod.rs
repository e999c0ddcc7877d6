//! The subcommands, one file each.

pub(crate) mod compare;
pub(crate) mod completions;
mod console;
pub(crate) mod doctor;
mod dry_run;
pub(crate) mod export;
pub(crate) mod list;
mod live;
mod load;
pub(crate) mod new;
pub mod overhead;
pub(crate) mod pack;
mod page;
mod profile;
mod recorded;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod score;
pub(crate) mod sweep;
pub(crate) mod verify;

use crate::cli::Format;
use crate::exit::Exit;
use crate::report::{Style, document, ledger, print};
use lab_analysis::claims::Verdict;
use lab_analysis::results::Results;
use lab_kit::Scenario;
use std::io::{self, Write};
use std::path::Path;

/// Prints a report to stdout and turns its verdict into an exit code.
fn show(
    report: &Results,
    page: Option<&Path>,
    scenarios: &[&'static Scenario],
    format: Format,
    style: Style,
) -> anyhow::Result<Exit> {
    match format {
        Format::Json => {
            let mut stdout = io::stdout().lock();
            serde_json::to_writer_pretty(&mut stdout, &document(report)).map_err(io::Error::from)?;
            writeln!(stdout)?;
        }
        Format::Ledger => ledger::print(&[report], scenarios, &mut io::stdout().lock())?,
        Format::Text => {
            let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
            print(report, page, style, &mut stdout)?;
            stdout.flush()?;
        }
    }
    Ok(match report.verdict {
        Verdict::Held => Exit::Done,
        Verdict::Broken => Exit::Broken,
        Verdict::NotMeasured => Exit::NotMeasured,
    })
}
