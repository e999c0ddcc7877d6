//! The binary that runs, as a program to start again: each run is a child of the same binary.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Gives this process the name of its binary, which was started by way of `/proc` and would be
/// called `exe` in every list of processes.
pub(crate) fn name_after_binary() {
    let binary = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&binary).file_name().unwrap_or_default();
    if let Ok(name) = CString::new(name.as_bytes()) {
        // A name is a convenience: without it the process works all the same.
        let _ = rustix::thread::set_name(&name);
    }
}

/// This very binary, to be started again: the file that this process was started from, though
/// another one may have been built in its place.
pub(crate) fn own_binary() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(std::env::current_exe().unwrap_or_else(|_| "lab".into()));
    command
}
