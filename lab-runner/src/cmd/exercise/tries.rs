//! The learner's tries: each measured file with what came of it, in `.lab-tries` of the pack, so
//! that nothing is lost by a reset and two tries can be compared.

use crate::cmd::exercise::judge::{Outcome, Reached};
use crate::cmd::exercise::pack::Exercise;
use crate::report::detail::evidence;
use anyhow::Context;
use lab_analysis::claims::Verdict;
use lab_recording::{file, plain_file};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = ".lab-tries";
const RESULT: &str = "result.json";
const CODE: &str = "code.rs";

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Try {
    /// `solved`, `not yet`, `hangs`, `inconclusive`, `does not build`.
    pub verdict: String,
    /// Each goal with its verdict and what was measured.
    pub goals: Vec<(String, String, String)>,
    /// The recording, if one was made.
    pub recording: Option<PathBuf>,
    /// Metrics of the before/after table: label and value.
    #[serde(default)]
    pub shows: Vec<(String, String)>,
    /// Its number, from 1. Not in the file: the folder has it.
    #[serde(skip)]
    pub number: usize,
}

impl Try {
    /// A measured try.
    pub fn new(outcome: &Outcome, reached: &[Reached], recording: &Path) -> Try {
        let goals = reached.iter().map(|one| {
            let verdict = match one.verdict {
                Verdict::Held => "holds",
                Verdict::Broken => "missed",
                Verdict::NotMeasured => "undecided",
            };
            let measured = one.shown.as_ref().and_then(evidence).unwrap_or_default();
            (one.goal.claim.says.to_owned(), verdict.to_owned(), measured)
        });
        Try {
            verdict: word(outcome).to_owned(),
            goals: goals.collect(),
            recording: Some(recording.to_owned()),
            shows: Vec::new(),
            number: 0,
        }
    }

    /// A try that does not build.
    pub fn not_built() -> Try {
        Try {
            verdict: "does not build".into(),
            goals: Vec::new(),
            recording: None,
            shows: Vec::new(),
            number: 0,
        }
    }
}

/// A verdict in a word or two.
pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Solved => "solved",
        Outcome::NotYet(_) => "not yet",
        Outcome::Hangs => "hangs",
        Outcome::Inconclusive(_) => "inconclusive",
    }
}

/// Keeps a copy of the learner's file with what came of it. The copy of the file that was built is
/// `code`, read before the build.
pub(crate) fn keep(exercise: &Exercise, code: &[u8], result: &Try) -> anyhow::Result<PathBuf> {
    let folder = folder(exercise);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let next = numbers(&folder).last().map_or(1, |last| last + 1);
    // Another lab may have taken the number meanwhile.
    for number in next..next + 1_000 {
        let own = folder.join(format!("{number:04}"));
        match fs::create_dir(&own) {
            Ok(()) => {
                file::replace(&own.join(CODE), code)?;
                file::replace(&own.join(RESULT), &serde_json::to_vec_pretty(result)?)?;
                return Ok(own.join(CODE));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot make {}", own.display()));
            }
        }
    }
    anyhow::bail!("no number is left for a try in {}", folder.display())
}

/// The last `count` tries, oldest first, each with its code. One that is damaged is left out.
pub(crate) fn last(exercise: &Exercise, count: usize) -> Vec<(Try, String)> {
    let folder = folder(exercise);
    let numbers = numbers(&folder);
    let mut tries: Vec<(Try, String)> = Vec::new();
    for number in numbers.into_iter().rev() {
        let own = folder.join(format!("{number:04}"));
        let result = plain_file::read(&own.join(RESULT), plain_file::DOCUMENT).ok();
        let result = result.and_then(|bytes| serde_json::from_slice::<Try>(&bytes).ok());
        let code = plain_file::read(&own.join(CODE), plain_file::DOCUMENT).ok();
        if let (Some(result), Some(code)) = (result, code) {
            let code = String::from_utf8_lossy(&code).into_owned();
            tries.push((Try { number, ..result }, code));
        }
        if tries.len() == count {
            break;
        }
    }
    tries.reverse();
    tries
}

fn folder(exercise: &Exercise) -> PathBuf {
    exercise.folder.join(FOLDER).join(exercise.slug())
}

fn numbers(folder: &Path) -> Vec<usize> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<usize> =
        entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::exercise::pack::tests::{SMALL, pack};

    #[test]
    fn the_last_tries_are_kept_with_their_code_and_a_damaged_one_is_left_out() {
        let (_folder, pack) = pack(SMALL);
        let pack = pack.unwrap();
        let exercise = &pack.exercises[0];
        assert!(last(exercise, 2).is_empty());
        for code in ["one", "two", "three"] {
            keep(exercise, code.as_bytes(), &Try::not_built()).unwrap();
        }
        let codes = |count| last(exercise, count).into_iter().map(|(_, code)| code);
        assert_eq!(codes(2).collect::<Vec<_>>(), ["two", "three"]);
        fs::write(folder(exercise).join("0003").join(RESULT), "{").unwrap();
        assert_eq!(codes(2).collect::<Vec<_>>(), ["one", "two"]);
        let numbers: Vec<_> = last(exercise, 9).iter().map(|(tried, _)| tried.number).collect();
        assert_eq!(numbers, [1, 2]);
    }
}
