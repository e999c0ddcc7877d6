//! Exit codes and the last line on stderr.
//!
//! | code | of every command | of `run`, `report`, `verify`, `score` | of `compare` | of `doctor` |
//! | --- | --- | --- | --- | --- |
//! | 0 | done | every check that could be decided holds | improved, equivalent or undecided | no false alarm |
//! | 1 | the lab failed, or could not write the page that was asked for | | | |
//! | 2 | wrong usage; nothing was made | | | |
//! | 3 | | a check failed, or a fault was diagnosed wrongly | the primary metric regressed | |
//! | 4 | | nothing could be decided | nothing could be compared | this machine cannot decide |
//! | 5 | the learner's file does not build (`exercise`) | | | |
//! | 128 + N | ended by signal N | | | |
//!
//! With `--strict`, whatever is undecided makes it 4. `lab report` of a recording has the code of the command that made it. A reader that closes
//! stdout early, as `head` does, changes no code.

use crate::printable;
use lab_kit::limits;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// How the lab ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and everything that could be decided holds.
    Done,
    /// The lab failed.
    LabFailed,
    /// The command line or its input cannot be used.
    Usage,
    /// A check or a comparison failed.
    Broken,
    /// Nothing could be decided.
    NotMeasured,
    /// The learner's file does not build.
    NotBuilt,
    /// A signal ended the lab.
    Interrupted(i32),
}

impl Exit {
    /// The code of the process.
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::LabFailed => 1,
            Exit::Usage => 2,
            Exit::Broken => 3,
            Exit::NotMeasured => 4,
            Exit::NotBuilt => 5,
            Exit::Interrupted(signal) => 128 + signal as u8,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error of usage: shown as it is, exit code 2.
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

/// Prints an error as one sentence on stderr and chooses the exit code.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    say(&format!("{error:#}"));
    if error.is::<UsageError>() { Exit::Usage } else { Exit::LabFailed }
}

/// Writes printable text to stdout, without colour where the terminal has none. A closed stdout is
/// no error: its reader has what it wanted, and the exit code still counts.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut text = Vec::new();
    write(&mut text)?;
    let text = printable::for_terminal(&String::from_utf8_lossy(&text));
    let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(unless_closed(written)?)
}

/// Prints a JSON document.
pub(crate) fn print_json(document: &impl serde::Serialize) -> anyhow::Result<()> {
    print(|to| {
        serde_json::to_writer_pretty(&mut *to, document)?;
        writeln!(to)
    })
}

fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints one line on stderr; a closed stream is ignored. Where the kernel refused something, the
/// line names the limit.
pub(crate) fn say(text: &str) {
    let text = printable::for_terminal(&limits::explained(text));
    let _ = writeln!(anstream::stderr(), "lab: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_the_code_of_the_table() {
        let endings = [
            (Exit::Done, 0),
            (Exit::LabFailed, 1),
            (Exit::Usage, 2),
            (Exit::Broken, 3),
            (Exit::NotMeasured, 4),
            (Exit::NotBuilt, 5),
            (Exit::Interrupted(2), 130),
            (Exit::Interrupted(15), 143),
        ];
        for (exit, code) in endings {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn errors_of_usage_are_told_from_failures_of_the_lab() {
        assert_eq!(report(&UsageError::error("no scenario: see lab list")), Exit::Usage);
        assert_eq!(report(&anyhow::Error::msg("cannot start a child process")), Exit::LabFailed);
    }

    #[test]
    fn only_a_closed_stdout_is_no_error() {
        let failed = |kind: io::ErrorKind| unless_closed(Err(kind.into())).is_err();
        assert!(!failed(io::ErrorKind::BrokenPipe) && failed(io::ErrorKind::StorageFull));
        let json = serde_json::to_writer(Closed, &[1]).map_err(io::Error::from);
        assert!(unless_closed(json).is_ok(), "also under a JSON document");
    }

    /// A stdout whose reader is gone.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
