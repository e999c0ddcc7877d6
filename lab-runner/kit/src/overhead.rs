//! The contract between who asks what an instrument costs and the process that measures it:
//! `PROGRAM __overhead NAME AMOUNT FOLDER` measures one instrument in a process that does nothing
//! else, and leaves its answer in the folder.
//!
//! It is here so that a program with other instruments than the lab, on another build of tokio, can
//! be measured in the same way.

use crate::process;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The word that makes a binary measure.
pub const SUBCOMMAND: &str = "__overhead";
/// The word that makes a binary list what it can measure, as names and amounts with a tab between
/// them.
pub const LIST: &str = "__instruments";
/// What is left in the folder: a name and a number a line, with a tab between them.
const ANSWER: &str = "answer.tsv";
/// Where in the folder an instrument may leave files of its own.
const WORK: &str = "work";

/// Something whose cost can be measured.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    /// What it is called.
    pub name: &'static str,
    /// How much is measured at a time: polls, calls, milliseconds of load or events.
    pub amount: u64,
    /// Measures it, in a process that does nothing else; or returns why it cannot.
    pub measure: fn(&Job) -> Result<Answer, String>,
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Job {
    /// How much, in the instrument's own measure.
    pub amount: u64,
    /// Where files may be left; the caller removes it.
    pub folder: PathBuf,
}

/// Numbers by their names.
pub type Answer = BTreeMap<String, f64>;

/// Name of what something takes by itself, in nanoseconds.
pub const NS: &str = "ns";
/// Name of what a program takes without the instrument, in nanoseconds.
pub const PLAIN_NS: &str = "plain_ns";
/// Name of what it takes with it.
pub const WITH_NS: &str = "with_ns";
/// Name of what the instrument adds.
pub const ADDED_NS: &str = "added_ns";

/// Does what the arguments ask for, if they are those of this contract; none if they are not.
pub fn main(args: &[OsString], instruments: &[Instrument]) -> Option<ExitCode> {
    let is = |arg: &OsString, word: &str| arg == OsStr::new(word);
    let done = match args {
        [_, word] if is(word, LIST) => list(instruments),
        [_, word, name, amount, folder] if is(word, SUBCOMMAND) => {
            process::die_with_the_parent();
            answer(
                &name.to_string_lossy(),
                &amount.to_string_lossy(),
                Path::new(folder),
                instruments,
            )
        }
        _ => return None,
    };
    Some(done.map_or_else(complain, |()| ExitCode::SUCCESS))
}

/// To stderr, the last line of which is the reason that is shown.
fn complain(why: String) -> ExitCode {
    let _ = writeln!(io::stderr(), "{why}");
    ExitCode::FAILURE
}

fn list(instruments: &[Instrument]) -> Result<(), String> {
    let lines: String =
        instruments.iter().map(|of| format!("{}\t{}\n", of.name, of.amount)).collect();
    io::stdout().write_all(lines.as_bytes()).map_err(|error| error.to_string())
}

fn answer(
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

/// What was answered.
///
/// # Errors
/// If there is no answer, or none that can be understood.
pub fn read(folder: &Path) -> Result<Answer, String> {
    let text = fs::read_to_string(folder.join(ANSWER))
        .map_err(|error| format!("it wrote no answer: {error}"))?;
    pairs(&text).ok_or_else(|| "its answer cannot be parsed".to_owned())
}

/// Names with numbers, a line each with a tab between them.
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
    fn an_answer_is_read_as_it_was_given_and_a_refusal_leaves_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(answer("two", "3", folder.path(), ALL), Ok(()));
        assert_eq!(read(folder.path()), Ok([(NS.to_owned(), 0.75)].into()));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            answer("none", "3", folder.path(), ALL),
            Err("not available in this process".into())
        );
        assert!(read(folder.path()).unwrap_err().contains("wrote no answer"));
        assert!(
            answer("three", "3", folder.path(), ALL).is_err()
                && answer("two", "few", folder.path(), ALL).is_err()
        );
    }

    #[test]
    fn other_arguments_are_not_meant() {
        let args = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<OsString>>();
        assert!(main(&args(&["lab", "run", "greedy"]), ALL).is_none());
        assert!(main(&args(&["lab", SUBCOMMAND, "two"]), ALL).is_none());
        assert_eq!(pairs::<f64>("a\tb\n"), None);
    }
}
