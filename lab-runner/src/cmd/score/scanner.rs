//! An external scanner: a program that takes a recording and prints one line, the cause it finds.

use crate::exit::{self, UsageError};
use lab_analysis::profile::FOLDER;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// The first line that the scanner prints for a run; empty if there is none.
pub(crate) fn answer(scanner: &Path, cell: &Path) -> String {
    let output = Command::new(scanner)
        .arg(recording(cell))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = output
        .map_err(|error| exit::say(&format!("warning: cannot run {}: {error}", scanner.display())));
    let stdout = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&stdout).lines().next().unwrap_or_default().to_owned()
}

/// The recording of a run under the scheduler profiler, which records most.
fn recording(cell: &Path) -> PathBuf {
    let entries = std::fs::read_dir(cell.join(FOLDER)).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let sched = folders.into_iter().find(|folder| folder.to_string_lossy().ends_with("-sched"));
    sched.unwrap_or_else(|| cell.to_owned())
}
