//! The contract between `lab overhead` and the processes that measure instruments: `PROGRAM
//! __overhead NAME AMOUNT FOLDER` measures one instrument in a process that does nothing else, and
//! writes the result into the folder.
//!
//! The contract is in this package so that a program with third-party instruments, on another build
//! of tokio, can be measured in the same way.

use crate::process;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The first argument of a measurement.
pub const SUBCOMMAND: &str = "__overhead";
/// The argument that lists the instruments of a binary: a name and an amount a line, with a tab
/// between them.
pub const LIST: &str = "__instruments";
/// File of the result in the folder: a name and a number a line, with a tab between them.
const ANSWER: &str = "answer.tsv";
/// Subfolder for files of the instrument.
const WORK: &str = "work";

/// An instrument whose cost can be measured.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    /// Name of the instrument, unique in its binary.
    pub name: &'static str,
    /// Amount of work of one measurement: polls, calls, milliseconds of load or events.
    pub amount: u64,
    /// Measures the cost. The error is the reason why that is not possible.
    pub measure: fn(&Job) -> Result<Answer, String>,
}

/// One measurement of an instrument.
#[derive(Clone, Debug)]
pub struct Job {
    /// Amount of work, in the unit of the instrument.
    pub amount: u64,
    /// Folder for files of the instrument; the caller removes it.
    pub folder: PathBuf,
}

/// The result of a measurement: numbers by their names.
pub type Answer = BTreeMap<String, f64>;

/// Name of the cost of an operation by itself, in nanoseconds.
pub const NS: &str = "ns";
/// Name of the cost without the instrument, in nanoseconds.
pub const PLAIN_NS: &str = "plain_ns";
/// Name of the cost with the instrument, in nanoseconds.
pub const WITH_NS: &str = "with_ns";
/// Name of the cost that the instrument adds, in nanoseconds.
pub const ADDED_NS: &str = "added_ns";

/// Runs a measurement or lists the instruments, if the arguments belong to this contract; none if
/// they do not.
pub fn main(args: &[OsString], instruments: &[Instrument]) -> Option<ExitCode> {
    let done = match args {
        [_, word] if word == OsStr::new(LIST) => list(instruments),
        [_, word, name, amount, folder] if word == OsStr::new(SUBCOMMAND) => {
            process::die_with_the_parent();
            measure(
                &name.to_string_lossy(),
                &amount.to_string_lossy(),
                Path::new(folder),
                instruments,
            )
        }
        _ => return None,
    };
    Some(done.map_or_else(fail, |()| ExitCode::SUCCESS))
}

/// Writes the reason to stderr: the parent shows the last line of it.
fn fail(reason: String) -> ExitCode {
    let _ = writeln!(io::stderr(), "{reason}");
    ExitCode::FAILURE
}

fn list(instruments: &[Instrument]) -> Result<(), String> {
    let lines: String = instruments
        .iter()
        .map(|instrument| format!("{}\t{}\n", instrument.name, instrument.amount))
        .collect();
    io::stdout().write_all(lines.as_bytes()).map_err(|error| error.to_string())
}

fn measure(
    name: &str,
    amount: &str,
    folder: &Path,
    instruments: &[Instrument],
) -> Result<(), String> {
    let known = instruments.iter().find(|instrument| instrument.name == name);
    let instrument =
        known.ok_or_else(|| format!("unknown instrument {name}: use one of the list"))?;
    let amount = amount.parse().map_err(|_| format!("{amount} is not a number"))?;
    let work = folder.join(WORK);
    fs::create_dir_all(&work)
        .map_err(|error| format!("cannot make the working folder: {error}"))?;
    let numbers = (instrument.measure)(&Job { amount, folder: work })?;
    let lines: String =
        numbers.iter().map(|(name, number)| format!("{name}\t{number}\n")).collect();
    fs::write(folder.join(ANSWER), lines)
        .map_err(|error| format!("cannot write the answer: {error}"))
}

/// Reads the result of a measurement.
///
/// # Errors
/// If there is no result, or if it cannot be parsed.
pub fn read(folder: &Path) -> Result<Answer, String> {
    let text = fs::read_to_string(folder.join(ANSWER))
        .map_err(|error| format!("the result is missing: {error}"))?;
    pairs(&text).ok_or_else(|| "the result cannot be parsed".to_owned())
}

/// Parses lines of a name, a tab and a number; none if a line is different.
pub fn pairs<T: std::str::FromStr>(text: &str) -> Option<BTreeMap<String, T>> {
    text.lines()
        .map(|line| {
            line.split_once('\t')
                .and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Instrument] = &[
        Instrument {
            name: "two",
            amount: 2,
            measure: |job| Ok([(NS.to_owned(), job.amount as f64 / 4.0)].into()),
        },
        Instrument {
            name: "none",
            amount: 1,
            measure: |_| Err("not available in this process".into()),
        },
    ];

    #[test]
    fn a_result_is_read_back_and_an_error_writes_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(measure("two", "3", folder.path(), ALL), Ok(()));
        assert_eq!(read(folder.path()), Ok([(NS.to_owned(), 0.75)].into()));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            measure("none", "3", folder.path(), ALL),
            Err("not available in this process".into())
        );
        assert!(read(folder.path()).unwrap_err().contains("the result is missing"));
        assert!(
            measure("three", "3", folder.path(), ALL).is_err()
                && measure("two", "few", folder.path(), ALL).is_err()
        );
    }

    #[test]
    fn other_arguments_are_ignored() {
        let args = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<OsString>>();
        assert!(main(&args(&["lab", "run", "greedy"]), ALL).is_none());
        assert!(main(&args(&["lab", SUBCOMMAND, "two"]), ALL).is_none());
        assert_eq!(pairs::<f64>("a\tb\n"), None);
    }
}
