//! The binary that runs, as a program to start again: each run is a child of the same binary.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// This very binary, to be started again: the file that this process was started from, though
/// another one may have been built in its place.
pub(crate) fn own_binary() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(std::env::current_exe().unwrap_or_else(|_| "lab".into()));
    command
}
