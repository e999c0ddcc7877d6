//! `lab export [RUN] --to FORMAT`: writes a recording for other people's tools and prints where.

use crate::analysis::ValidityVerdict;
use crate::cli::{ExportArgs, ExportTo};
use crate::exit::{self, Exit, UsageError};
use crate::export::{self, Exported, Kind};
use crate::report::{self, Report};
use crate::stacks::Plumbing;
use lab_kit::Scenario;
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(args: &ExportArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let usage = |error: anyhow::Error| UsageError::error(format!("{error:#}"));
    let folder = match &args.run {
        Some(folder) => folder.clone(),
        None => report::newest(&args.out).map_err(usage)?,
    };
    let report = Report::read(&folder, scenarios).map_err(usage)?;
    let (files, without) = match args.to {
        ExportTo::Folded => stacks(args, &folder, &report, Kind::Folded)?,
        ExportTo::Pprof => stacks(args, &folder, &report, Kind::Pprof)?,
        ExportTo::Hlog => logs(&report)?,
    };
    without.iter().for_each(|sentence| exit::say(sentence));
    if files.is_empty() {
        return Err(UsageError::error(format!("there is nothing to export in {}", folder.display())));
    }
    let into = args.into.clone().unwrap_or_else(|| folder.join("export"));
    let written = export::write(&files, &into).map_err(usage)?;
    let mut stdout = io::stdout().lock();
    written.iter().try_for_each(|path| writeln!(stdout, "{}", path.display()))?;
    Ok(Exit::Done)
}

/// The files, and a sentence for each view that has none.
type Files = (Vec<Exported>, Vec<String>);

fn stacks(args: &ExportArgs, folder: &Path, report: &Report, kind: Kind) -> anyhow::Result<Files> {
    if report.profiles.is_empty() {
        let again = format!("lab run {} --profile all makes some", report.spec.scenario);
        return Err(UsageError::error(format!("no lens looked into {}: {again}", folder.display())));
    }
    let plumbing = if args.fold.is_some() { Plumbing::Tokio } else { Plumbing::Shown };
    let (files, mut nothing) = export::stacks(&report.evidence(plumbing), kind);
    let blind = report.profiles.iter().filter_map(|profile| Some((profile, profile.note.unavailable.as_ref()?)));
    nothing.extend(blind.map(|(profile, why)| format!("{} of {}: {why}", profile.lens, profile.spec.variant)));
    Ok((files, nothing))
}

fn logs(report: &Report) -> anyhow::Result<Files> {
    let (mut files, mut without) = (Vec::new(), Vec::new());
    for (run, _) in &report.runs {
        let name = run.recording.folder.display();
        match export::hlog(&run.recording) {
            Ok(Some(log)) => files.push(log),
            Ok(None) => without.push(format!("{name} sent no requests: there is no time to log")),
            Err(error) => without.push(format!("{name}: its requests cannot be read: {error:#}")),
        }
        if run.validity.verdict == ValidityVerdict::Invalid {
            without.push(format!("warning: {name} is invalid: its times are the generator's or the machine's"));
        }
    }
    Ok((files, without))
}
