//! From the recording of a run to the line that `lab score --scanner` reads: finds the trace beside
//! the recording, has it made if there is none, and starts dial9's scripts on it.

use crate::flags::{Scan, was_off_cpu};
use anyhow::{Context, ensure};
use lab_recording::folder::is_recording;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The run with dial9, in the folder of the run of a score.
pub const RUN: &str = "dial9";
/// The trace, in the folder of the run with dial9.
pub const TRACE: &str = "trace";
/// The folder of profiled runs, in that of the run of a score.
const PROFILES: &str = "profiles";
/// The scripts, in the folder to which `install` has copied dial9's.
const RED_FLAGS: &str = "dial9-red-flags/scripts/red_flag_scan.js";
const LONG_POLL: &str = "dial9-diagnose-long-poll/scripts/diagnose_long_poll.js";
/// The file in which `install` keeps the version of the scripts.
const VERSION: &str = "version";
const INSTALL: &str = "try benches/scanners/dial9/install";

/// What a scan printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// The lines for stdout. The first one is the answer.
    pub lines: Vec<String>,
    /// The error of dial9's scanner.
    pub crash: Option<String>,
}

/// The folder of the run with dial9 for a recording of a score.
pub fn folder(recording: &Path) -> PathBuf {
    let profiles = recording.parent().filter(|of| of.file_name() == Some(OsStr::new(PROFILES)));
    profiles.and_then(Path::parent).unwrap_or(recording).join(RUN)
}

/// Scans the run that is recorded in a folder. `record` makes the trace if there is none.
///
/// # Errors
/// If the folder holds no recording, if no trace can be made, or if node or the scripts are missing.
pub fn scan(
    recording: &Path,
    scripts: &Path,
    node: &str,
    recorder: &str,
    record: &dyn Fn(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<Report> {
    let shown = recording.display();
    ensure!(
        is_recording(recording),
        "{shown} holds no recording of a run: try lab score --scanner"
    );
    let version = installed(scripts)?;
    ensure!(
        version.starts_with(recorder),
        "the scripts are those of dial9 {version} and the recorder is dial9 {recorder}: {INSTALL}"
    );
    let node_version = text(&start(Command::new(node).arg("--version"), node)?.stdout);
    let run = folder(recording);
    if traces(&run).is_empty() {
        record(&run)?;
    }
    let traces = traces(&run);
    ensure!(
        !traces.is_empty(),
        "dial9 left no trace in {}: a program must build its runtime with cx.build",
        run.display()
    );
    let versions = format!("versions dial9 {version}, node {}", node_version.trim());
    report(scripts, node, &traces, versions)
}

fn report(
    scripts: &Path,
    node: &str,
    traces: &[PathBuf],
    versions: String,
) -> anyhow::Result<Report> {
    let mut flags = Vec::new();
    let mut off_cpu = false;
    for trace in traces {
        let done = script(scripts, RED_FLAGS, node, trace)?;
        let scan = Scan::read(done.status.success(), &text(&done.stdout), &text(&done.stderr));
        if scan.has_long_poll() {
            let done = script(scripts, LONG_POLL, node, trace)?;
            off_cpu |= was_off_cpu(&text(&done.stdout));
        }
        match scan {
            Scan::Flags(more) => flags.extend(more),
            Scan::Crashed(why) => {
                let crash = format!("dial9's red_flag_scan.js crashed: {why}");
                let answer = Scan::Crashed(why).answer(false);
                return Ok(Report { lines: vec![answer, versions], crash: Some(crash) });
            }
        }
    }
    let mut names: Vec<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
    names.dedup();
    let named =
        format!("flags {}", if names.is_empty() { "none".into() } else { names.join(", ") });
    let answer = Scan::Flags(flags.clone()).answer(off_cpu);
    Ok(Report { lines: vec![answer, versions, named], crash: None })
}

/// The version of the installed scripts.
fn installed(scripts: &Path) -> anyhow::Result<String> {
    let missing = || format!("dial9's scripts are not in {}: {INSTALL}", scripts.display());
    for script in [RED_FLAGS, LONG_POLL] {
        ensure!(scripts.join(script).is_file(), missing());
    }
    let version = fs::read_to_string(scripts.join(VERSION)).with_context(missing)?;
    Ok(version.trim().to_owned())
}

/// The finished files of a trace, in order.
fn traces(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join(TRACE)).into_iter().flatten().flatten();
    let is_trace = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.ends_with(".bin") || name.ends_with(".bin.gz")
    };
    let mut traces: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_trace).collect();
    traces.sort();
    traces
}

fn script(scripts: &Path, script: &str, node: &str, trace: &Path) -> anyhow::Result<Output> {
    start(Command::new(node).arg(scripts.join(script)).arg(trace), node)
}

fn start(command: &mut Command, node: &str) -> anyhow::Result<Output> {
    command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("there is no program '{node}': install node 20"),
        _ => anyhow::Error::from(error).context(format!("cannot start {node}")),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    /// A score's run, installed scripts, and a program in the place of node.
    struct Place {
        root: TempDir,
        recording: PathBuf,
        scripts: PathBuf,
        node: String,
    }

    impl Place {
        fn new(node: &str) -> Place {
            let root = tempfile::tempdir().unwrap();
            let recording = root.path().join("001-greedy-buggy/profiles/01-sched");
            fs::create_dir_all(&recording).unwrap();
            fs::write(recording.join("spec.json"), "{}").unwrap();
            let scripts = root.path().join("scripts");
            for script in [RED_FLAGS, LONG_POLL] {
                fs::create_dir_all(scripts.join(script).parent().unwrap()).unwrap();
                fs::write(scripts.join(script), "").unwrap();
            }
            fs::write(scripts.join(VERSION), "0.5.7, scripts as shipped\n").unwrap();
            let program = root.path().join("node");
            let version = "[ \"$1\" = --version ] && { echo v20.1.0; exit; }";
            fs::write(&program, format!("#!/bin/sh\n{version}\n{node}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let node = program.to_str().unwrap().to_owned();
            Place { root, recording, scripts, node }
        }

        fn scan(&self) -> Result<Report, String> {
            self.scan_with(&|run| {
                fs::create_dir_all(run.join(TRACE))?;
                Ok(fs::write(run.join(TRACE).join("trace.0.bin.gz"), "")?)
            })
        }

        fn scan_with(
            &self,
            record: &dyn Fn(&Path) -> anyhow::Result<()>,
        ) -> Result<Report, String> {
            scan(&self.recording, &self.scripts, &self.node, "0.5.7", record)
                .map_err(|error| format!("{error:#}"))
        }
    }

    const LONG: &str = "case $1 in *red_flag*) echo '=== Red Flag Scan: x'; echo '🔴 [long-poll] P';; \
                        *) echo 'CLASSIFICATION: OFF-CPU (no samples)';; esac";

    #[test]
    fn the_first_line_is_the_answer_and_the_second_has_the_versions() {
        let report = Place::new(LONG).scan().unwrap();
        let versions = "versions dial9 0.5.7, scripts as shipped, node v20.1.0";
        assert_eq!(report.lines, ["blocking-call", versions, "flags long-poll"]);
        assert_eq!(report.crash, None);
        let nothing = Place::new("echo '=== Red Flag Scan: x'").scan().unwrap();
        assert_eq!(nothing.lines, ["nothing", versions, "flags none"]);
    }

    #[test]
    fn a_crash_has_an_answer_of_its_own() {
        let report = Place::new("echo 'TypeError: x is undefined' >&2; exit 1").scan().unwrap();
        assert_eq!(report.lines[0], "crashed");
        let why = "dial9's red_flag_scan.js crashed: TypeError: x is undefined";
        assert_eq!(report.crash.as_deref(), Some(why));
    }

    #[test]
    fn a_trace_is_made_once() {
        let (place, made) = (Place::new(LONG), Cell::new(0));
        let record = |run: &Path| {
            made.set(made.get() + 1);
            fs::create_dir_all(run.join(TRACE))?;
            Ok(fs::write(run.join(TRACE).join("trace.0.bin"), "")?)
        };
        place.scan_with(&record).unwrap();
        place.scan_with(&record).unwrap();
        assert_eq!(made.get(), 1);
        assert!(place.root.path().join("001-greedy-buggy/dial9/trace/trace.0.bin").is_file());
    }

    #[test]
    fn what_is_missing_is_named_with_the_next_step() {
        let place = Place { node: "no-such-node".into(), ..Place::new(LONG) };
        assert_eq!(
            place.scan().unwrap_err(),
            "there is no program 'no-such-node': install node 20"
        );
        let place = Place::new(LONG);
        let error = place.scan_with(&|_run| Ok(())).unwrap_err();
        assert!(
            error.starts_with("dial9 left no trace in ") && error.contains("cx.build"),
            "{error}"
        );
        fs::write(place.scripts.join(VERSION), "0.4.0, scripts as shipped").unwrap();
        let error = place.scan().unwrap_err();
        assert!(error.contains("dial9 0.4.0") && error.ends_with(INSTALL), "{error}");
        fs::remove_dir_all(&place.scripts).unwrap();
        let error = place.scan().unwrap_err();
        assert!(
            error.contains("dial9's scripts are not in") && error.ends_with(INSTALL),
            "{error}"
        );
        fs::remove_file(place.recording.join("spec.json")).unwrap();
        let error = place.scan().unwrap_err();
        assert!(error.contains("holds no recording of a run"), "{error}");
    }
}
