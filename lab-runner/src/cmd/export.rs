//! `lab export [RUN] --to FORMAT`: writes a recording for other people's tools and prints the
//! paths.

use crate::cli::{ExportArgs, ExportTo};
use crate::cmd::place;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::export;
use crate::export::Exported;
use lab_analysis::requests::ValidityVerdict;
use lab_analysis::results::Results;
use lab_analysis::stacks::Plumbing;
use lab_kit::Scenario;
use lab_recording::pack::{self, Opened};
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &ExportArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    let folder = match &args.run {
        Some(folder) => folder.clone(),
        None => lab_analysis::results::newest(&args.out).map_err(usage)?,
    };
    // Logs are read while files are written: what was unpacked lies there until then.
    let opened = pack::open(&folder).map_err(usage)?;
    let report = Results::read(opened.folder(), scenarios).map_err(usage)?;
    let into = args.into.clone();
    let into = into.unwrap_or_else(|| place::beside(&folder, &args.out, "export"));
    let (written, without) = match args.to {
        ExportTo::Folded | ExportTo::Pprof => put(stacks(args, &folder, &report)?, &into),
        ExportTo::Hlog => put(logs(&report, &opened)?, &into),
        ExportTo::Perfetto => traces(&folder, &report, &into),
    }?;
    without.iter().for_each(|sentence| exit::say(sentence));
    if written.is_empty() {
        return Err(UsageError::error(format!(
            "nothing to export in {}: lab run makes a recording with profiles",
            folder.display()
        )));
    }
    exit::print(|to| written.iter().try_for_each(|path| writeln!(to, "{}", path.display())))?;
    Ok(Exit::Done)
}

/// Where files were written, and a sentence for each that was not.
type Written = (Vec<PathBuf>, Vec<String>);

fn put((files, without): Files, into: &Path) -> anyhow::Result<Written> {
    let written =
        if files.is_empty() { Vec::new() } else { export::write(&files, into).map_err(usage)? };
    Ok((written, without))
}

/// Time lines of the schedulers. A trace may be larger than memory: it is written while the
/// recording is read.
fn traces(folder: &Path, report: &Results, into: &Path) -> anyhow::Result<Written> {
    if report.profiles.iter().all(|profile| profile.sched.is_none()) {
        let again = format!("lab run {} --profile sched makes one", report.spec.scenario);
        let text = format!("{} has no profile of the scheduler: {again}", folder.display());
        return Err(UsageError::error(text));
    }
    export::traces(&report.profiles, into).map_err(usage)
}

fn usage(error: anyhow::Error) -> anyhow::Error {
    UsageError::error(format!("{error:#}"))
}

/// The files, and a sentence for each view that has none.
type Files = (Vec<Exported>, Vec<String>);

fn stacks(args: &ExportArgs, folder: &Path, report: &Results) -> anyhow::Result<Files> {
    if report.profiles.is_empty() {
        let again = format!("lab run {} --profile all makes some", report.spec.scenario);
        let text = format!("{} has no profiles: {again}", folder.display());
        return Err(UsageError::error(text));
    }
    let (files, mut without) = match (args.to, args.fold) {
        (ExportTo::Pprof, None) => export::pprof(&report.profiles),
        (ExportTo::Pprof, Some(_)) => {
            let text =
                "--fold is for folded stacks, and pprof merges frames by itself: leave it out";
            return Err(UsageError::error(text));
        }
        (_, fold) => {
            let plumbing = if fold.is_some() { Plumbing::Tokio } else { Plumbing::Shown };
            export::folded(&report.evidence(plumbing))
        }
    };
    for profile in &report.profiles {
        if let Some(why) = &profile.note.unavailable {
            without.push(format!("{} of {}: {why}", profile.profiler, profile.spec.variant));
        }
    }
    Ok((files, without))
}

fn logs(report: &Results, opened: &Opened) -> anyhow::Result<Files> {
    let (mut files, mut without) = (Vec::new(), Vec::new());
    for (run, _) in &report.runs {
        let shown = opened.shown(&run.recording.folder);
        let name = shown.display();
        match export::hlog(&run.recording) {
            Ok(Some(log)) => files.push(log),
            Ok(None) => {
                without.push(format!("{name} sent no requests: there are no response times"))
            }
            Err(error) => without.push(format!("{name}: cannot read its requests: {error:#}")),
        }
        if run.validity.verdict == ValidityVerdict::Invalid {
            without.push(format!(
                "warning: {name} is invalid: its times include delays of the load generator or of \
                 this machine"
            ));
        }
    }
    Ok((files, without))
}
