//! `lab report [RUN]`: reports a recording again, with the exit code of the command that made it.
//! Runs nothing, and writes nothing unless a page is asked for.

use crate::cli::{Format, ReportArgs};
use crate::cmd::verify::show as show_verified;
use crate::cmd::verify::text;
use crate::cmd::{page, place, score, show};
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use lab_analysis::results::Results;
use lab_kit::Scenario;

pub(crate) fn run(
    args: &ReportArgs,
    style: Style,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    let (file, run) = page::wanted(&args.html, &args.run);
    let folder = match run {
        Some(folder) => folder,
        None => lab_analysis::results::newest(&args.out).map_err(usage)?,
    };
    let wants_page = args.html.is_some() || args.open;
    let opened = lab_recording::pack::open(&folder).map_err(usage)?;
    if let Some(scored) = score::reported(
        opened.folder(),
        &folder,
        style.plain,
        args.format == Format::Json,
        scenarios,
    ) {
        return if wants_page { Err(no_page("a score")) } else { scored };
    }
    let style = Style { naive: args.naive, ..style };
    if let Some(mut verified) = text::read(opened.folder(), scenarios).map_err(usage)? {
        let reports = verified
            .iter_mut()
            .flat_map(|one| std::iter::once(&mut one.report).chain(&mut one.again));
        reports.for_each(|report| report.rename_folders(|folder| opened.shown(folder)));
        let made = text::made(&folder);
        if wants_page && made {
            return Err(no_page("a verification"));
        }
        if !made && args.format != Format::Ledger {
            let shown = folder.display();
            let text = format!("{shown} holds several recordings: name one of them");
            return Err(UsageError::error(text));
        }
        return show_verified(&verified, scenarios, &folder, None, args.format, style, args.strict);
    }
    let mut report = Results::read(opened.folder(), scenarios).map_err(usage)?;
    report.rename_folders(|folder| opened.shown(folder));
    if !wants_page {
        return show(&report, None, scenarios, args.format, style, args.strict);
    }
    let path = file.unwrap_or_else(|| place::beside(&folder, &args.out, page::FILE));
    let page = page::write_asked(&report, path);
    let exit = show(&report, page.as_deref(), scenarios, args.format, style, args.strict)?;
    let Some(page) = page else { return Ok(Exit::LabFailed) };
    if args.open {
        page::open(&page);
    }
    Ok(exit)
}

fn usage(error: anyhow::Error) -> anyhow::Error {
    UsageError::error(format!("{error:#}"))
}

fn no_page(what: &str) -> anyhow::Error {
    UsageError::error(format!("{what} has no page: leave --html and --open out"))
}
