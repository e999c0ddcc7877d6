//! An external scanner: a program that takes a recording and prints one line, the cause it finds.

use crate::engine::supervise::Interrupts;
use crate::exit::{self, UsageError};
use anyhow::{Context, bail, ensure};
use lab_analysis::profile::FOLDER;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// Checks before the first run that a program exists.
pub(crate) fn check(scanner: &Path) -> anyhow::Result<()> {
    // A bare name is looked for as a shell would.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bare = scanner.components().count() == 1 && scanner.parent() == Some(Path::new(""));
    let found = if bare {
        std::env::split_paths(&path).any(|folder| folder.join(scanner).is_file())
    } else {
        scanner.is_file()
    };
    if found {
        return Ok(());
    }
    let shown = scanner.display();
    Err(UsageError::error(format!("there is no program '{shown}': try --scanner ./scan")))
}

/// How long a scanner may take for a run.
const LIMIT: Duration = Duration::from_secs(30);
/// The most that a scanner may print for a run, in bytes.
const MOST: u64 = 64 << 10;
/// The interval between two checks whether somebody interrupted the lab.
const LOOK: Duration = Duration::from_millis(50);

/// The first line that the scanner prints for a run; empty if there is none. A scanner that fails,
/// takes too long or prints too much has no answer for this run, and a warning says so.
pub(crate) fn answer(scanner: &Path, cell: &Path, interrupts: &Interrupts) -> String {
    answer_within(LIMIT, scanner, cell, &|| interrupts.signal().is_some()).unwrap_or_else(|why| {
        exit::say(&format!("warning: {}: {why:#}", scanner.display()));
        String::new()
    })
}

fn answer_within(
    limit: Duration,
    scanner: &Path,
    cell: &Path,
    is_interrupted: &dyn Fn() -> bool,
) -> anyhow::Result<String> {
    let mut command = Command::new(scanner);
    command.arg(recording(cell)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // In a group of its own, so that it ends with everything it started.
    let mut child = command.process_group(0).spawn().context("cannot start it")?;
    let (sender, printed) = channel();
    let stdout = child.stdout.take().context("it has no output")?;
    let reader = thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(MOST + 1).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| bytes));
    });
    let deadline = Instant::now() + limit;
    let printed = reader.map_err(anyhow::Error::from).and_then(|_| {
        loop {
            match printed.recv_timeout(LOOK) {
                Ok(bytes) => return Ok(bytes?),
                Err(_) if is_interrupted() => bail!("interrupted"),
                Err(_) if Instant::now() < deadline => {}
                Err(_) => bail!("it took longer than {} s and was killed", limit.as_secs()),
            }
        }
    });
    // Whatever it still does is of no use: its output has ended, or nobody waits for it any longer.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    let printed = printed?;
    ensure!(printed.len() as u64 <= MOST, "it printed more than {} KiB and was killed", MOST >> 10);
    let text = String::from_utf8_lossy(&printed);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The recording of a run under the scheduler profiler, which records most.
fn recording(cell: &Path) -> PathBuf {
    let entries = std::fs::read_dir(cell.join(FOLDER)).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let sched = folders.into_iter().find(|folder| folder.to_string_lossy().ends_with("-sched"));
    sched.unwrap_or_else(|| cell.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn asked(
        script: &str,
        limit: Duration,
        is_interrupted: &dyn Fn() -> bool,
    ) -> (String, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let scanner = folder.path().join("scan");
        std::fs::write(&scanner, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&scanner, std::fs::Permissions::from_mode(0o755)).unwrap();
        let begin = Instant::now();
        let answer = answer_within(limit, &scanner, folder.path(), is_interrupted);
        (answer.unwrap_or_else(|error| format!("{error:#}")), begin.elapsed())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_line_is_the_answer() {
        assert_eq!(asked("echo long-poll; echo more", LONG, &|| false).0, "long-poll");
        assert_eq!(asked("exit 3", LONG, &|| false).0, "");
    }

    #[test]
    fn a_scanner_that_does_not_end_is_killed_with_all_it_started() {
        let (answer, _) = asked("yes", LONG, &|| false);
        assert_eq!(answer, "it printed more than 64 KiB and was killed");
        let stubborn = "trap '' TERM INT; sleep 600 & wait; sleep 600";
        let (answer, _) = asked(stubborn, Duration::from_secs(1), &|| false);
        assert_eq!(answer, "it took longer than 1 s and was killed");
        let (answer, took) = asked(stubborn, LONG, &|| true);
        assert_eq!(answer, "interrupted");
        assert!(took < LONG, "{took:?}");
    }
}
