//! Exit codes: one table for every command, and errors that carry theirs.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// How the lab ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done, and every claim that could be judged held.
    Done,
    /// The lab itself failed.
    LabFailed,
    /// The command line or its input cannot be used.
    Usage,
    /// A claim is broken.
    Broken,
    /// Nothing could be measured well enough to judge.
    NotMeasured,
    /// A signal ended the lab.
    Interrupted(i32),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::LabFailed => 1,
            Exit::Usage => 2,
            Exit::Broken => 3,
            Exit::NotMeasured => 4,
            Exit::Interrupted(signal) => 128 + signal as u8,
        })
    }
}

/// An error that the user can mend: shown as it is, exit code 2.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl UsageError {
    pub fn error(text: impl Into<String>) -> anyhow::Error {
        UsageError(text.into()).into()
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Prints an error as one sentence on stderr and chooses the exit code. A reader that closed our stdout, as
/// `head` does, has what it wanted: that is no error.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return Exit::Done;
    }
    say(&format!("{error:#}"));
    if error.is::<UsageError>() { Exit::Usage } else { Exit::LabFailed }
}

/// One line on stderr, where nobody may be listening.
pub(crate) fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "lab: {text}");
}
