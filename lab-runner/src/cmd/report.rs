//! `lab report [RUN]`: reads a recording again. Judges it as `lab run` did, and runs nothing. Writes nothing unless a
//! page is asked for.

use crate::cli::{Format, ReportArgs};
use crate::cmd::verify::show as show_verified;
use crate::cmd::{page, score, show};
use crate::exit::{Exit, UsageError};
use crate::report::{self, Report, Style, verify};
use lab_kit::Scenario;

pub(crate) fn run(args: &ReportArgs, plain: bool, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let usage = |error: anyhow::Error| UsageError::error(format!("{error:#}"));
    let (file, run) = page::wanted(&args.html, &args.run);
    let folder = match run {
        Some(folder) => folder,
        None => report::newest(&args.out).map_err(usage)?,
    };
    if let Some(scored) = score::reported(&folder, plain, args.format == Format::Json, scenarios) {
        return scored;
    }
    if let Some(verified) = verify::read(&folder, scenarios).map_err(usage)? {
        let wants_page = args.html.is_some() || args.open;
        if (wants_page || !verify::made(&folder)) && args.format != Format::Ledger {
            let shown = folder.display();
            return Err(UsageError::error(format!("{shown} is no invocation but holds some: name one of them")));
        }
        return show_verified(&verified, scenarios, &folder, None, args.format, Style { plain, naive: args.naive });
    }
    let mut report = Report::read(&folder, scenarios).map_err(usage)?;
    if args.html.is_some() || args.open {
        page::write(&mut report, file.as_deref());
    }
    let exit = show(&report, scenarios, args.format, Style { plain, naive: args.naive })?;
    report.html.iter().filter(|_| args.open).for_each(|file| page::open(file));
    Ok(exit)
}
