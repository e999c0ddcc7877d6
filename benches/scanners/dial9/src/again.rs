//! The parent: runs a recorded run again, under dial9, in a child of this binary. The load, the seed
//! and the neighbours are those of the recording.

use crate::recorder::HUNG;
use anyhow::{Context, ensure};
use lab_recorder::child;
use lab_recording::Ending;
use lab_recording::folder::{self, Recorder};
use lab_recording::outcome::Outcome;
use lab_recording::spec::{Purpose, Spec};
use lab_runner::Neighbours;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Time after its deadline in which a child may write its trace.
const GRACE: Duration = Duration::from_secs(12);
/// The interval between two looks at a child.
const LOOK: Duration = Duration::from_millis(10);
/// The list of the runs of a score.
const SCORE: &str = "score.json";

/// Runs the recorded run again, into a folder that nobody else uses.
pub fn record(recording: &Path, into: &Path) -> anyhow::Result<()> {
    let recorded = folder::read_spec(recording)?;
    let known = lab::SCENARIOS.iter().find(|scenario| scenario.name == recorded.scenario);
    ensure!(
        known.is_some_and(|scenario| scenario.variant(&recorded.variant).is_some()),
        "this program has no variant {} of {}: it scans runs of the scenarios of this repository",
        recorded.variant,
        recorded.scenario
    );
    // What an interrupted scan has left.
    match fs::remove_dir_all(into) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let spec = Spec { purpose: Purpose::Measure, parent: std::process::id(), ..recorded };
    let recorder = Recorder::create(into, &spec)
        .with_context(|| format!("cannot record into {}", into.display()))?;
    // Ended when this returns, however it does.
    let _neighbours = had_neighbours(into).then(Neighbours::start).transpose()?;
    let ended = run(into, &spec);
    folder::remove_scratch(into);
    let ending = match ended.context("cannot run the program under dial9")? {
        None => Ending::Hung,
        Some(status) if status.code() == Some(HUNG.into()) => Ending::Hung,
        Some(status) if status.success() => Ending::Finished,
        Some(status) if status.code().is_none() => Ending::Crashed,
        Some(_) => Ending::Failed,
    };
    recorder.write_outcome(&Outcome { ending, text: None, ..Outcome::unfinished("") })
}

/// Runs a child to its end; none if it had to be killed.
fn run(folder: &Path, spec: &Spec) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + Duration::from_millis(spec.timeout_ms) + GRACE;
    let mut child = Command::new("/proc/self/exe")
        .arg0(std::env::current_exe().unwrap_or_else(|_| "lab-dial9".into()))
        .arg(child::SUBCOMMAND)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(File::create_new(folder.join(folder::STDOUT))?)
        .stderr(File::create_new(folder.join(folder::STDERR))?)
        .process_group(0)
        .spawn()?;
    let status = wait(&mut child, deadline);
    // Also what it started.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    status
}

fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK);
    }
    Ok(None)
}

/// Whether the run of the score had noisy neighbours: `into` is in the folder of that run. Without a
/// list of runs it had none.
fn had_neighbours(into: &Path) -> bool {
    let Some(run) = into.parent() else { return false };
    let list = run.parent().and_then(|score| fs::read(score.join(SCORE)).ok());
    let list: Option<serde_json::Value> = list.and_then(|list| serde_json::from_slice(&list).ok());
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    let cells = list.as_ref().and_then(|list| list["cells"].as_array());
    let cell = cells.and_then(|cells| cells.iter().find(|cell| cell["folder"] == *name));
    cell.is_some_and(|cell| cell["neighbour"] == true)
}
