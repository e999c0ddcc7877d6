//! `lab report [RUN]`: reads a recording again. Judges it as `lab run` did, and runs nothing.

use super::show;
use super::verify::show as show_verified;
use crate::cli::{Format, ReportArgs};
use crate::exit::{Exit, UsageError};
use crate::report::{self, Report, Style, verify};
use lab_kit::Scenario;

pub(crate) fn run(args: &ReportArgs, plain: bool, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let usage = |error: anyhow::Error| UsageError::error(format!("{error:#}"));
    let folder = match &args.run {
        Some(folder) => folder.clone(),
        None => report::newest(&args.out).map_err(usage)?,
    };
    if let Some(verified) = verify::read(&folder, scenarios).map_err(usage)? {
        if !verify::made(&folder) && args.format != Format::Ledger {
            let shown = folder.display();
            return Err(UsageError::error(format!("{shown} is no invocation but holds some: name one of them")));
        }
        return show_verified(&verified, scenarios, &folder, None, args.format, Style { plain, naive: args.naive });
    }
    let report = Report::read(&folder, scenarios).map_err(usage)?;
    show(&report, scenarios, args.format, Style { plain, naive: args.naive })
}
