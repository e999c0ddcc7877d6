//! `lab report [RUN]`: reads a recording again. Judges it as `lab run` did, and runs nothing. Writes nothing unless a
//! page is asked for.

use crate::cli::{Format, ReportArgs};
use crate::cmd::verify::show as show_verified;
use crate::cmd::verify::text;
use crate::cmd::{page, score, show};
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::results::Results;
use lab_kit::Scenario;

pub(crate) fn run(args: &ReportArgs, plain: bool, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let usage = |error: anyhow::Error| UsageError::error(format!("{error:#}"));
    let (file, run) = page::wanted(&args.html, &args.run);
    let folder = match run {
        Some(folder) => folder,
        None => lab_analysis::results::newest(&args.out).map_err(usage)?,
    };
    if let Some(scored) = score::reported(&folder, plain, args.format == Format::Json, scenarios) {
        return scored;
    }
    if let Some(verified) = text::read(&folder, scenarios).map_err(usage)? {
        let wants_page = args.html.is_some() || args.open;
        if (wants_page || !text::made(&folder)) && args.format != Format::Ledger {
            let shown = folder.display();
            return Err(UsageError::error(format!("{shown} is no invocation but holds some: name one of them")));
        }
        return show_verified(&verified, scenarios, &folder, None, args.format, Style { plain, naive: args.naive }, args.strict);
    }
    let report = Results::read(&folder, scenarios).map_err(usage)?;
    let wants_page = args.html.is_some() || args.open;
    let page = if wants_page { page::write(&report, file.as_deref()) } else { None };
    let exit = show(&report, page.as_deref(), scenarios, args.format, Style { plain, naive: args.naive }, args.strict)?;
    page.iter().filter(|_| args.open).for_each(|file| page::open(file));
    Ok(exit)
}
