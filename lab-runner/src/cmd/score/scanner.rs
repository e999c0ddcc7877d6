//! Another diagnosis: a program that gets a recording and prints one line, the fault that it finds.

use crate::exit::{self, UsageError};
use lab_analysis::profile::FOLDER;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Refuses a program that cannot be started, before anything is run.
pub(crate) fn check(scanner: &Path) -> anyhow::Result<()> {
    let refused = || {
        let shown = scanner.display();
        UsageError::error(format!("there is no program '{shown}': try --scanner ./scan"))
    };
    // A bare name is looked for as a shell would.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bare = scanner.components().count() == 1 && scanner.parent() == Some(Path::new(""));
    let found = if bare {
        std::env::split_paths(&path).any(|folder| folder.join(scanner).is_file())
    } else {
        scanner.is_file()
    };
    if found { Ok(()) } else { Err(refused()) }
}

/// The first line that it prints for a run, empty if there is none.
pub(crate) fn ask(scanner: &Path, cell: &Path) -> String {
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

/// The first recording of a run, that under the profiler which sees most.
fn recording(cell: &Path) -> PathBuf {
    let entries = std::fs::read_dir(cell.join(FOLDER)).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let sched = folders.into_iter().find(|folder| folder.to_string_lossy().ends_with("-sched"));
    sched.unwrap_or_else(|| cell.to_owned())
}
