//! A recording: the folder that a run leaves, and the only channel between parent and child.
//!
//! | file | written by | holds |
//! | --- | --- | --- |
//! | `spec.json` | parent, before | what the run is to do: variant, load, environment |
//! | `outcome.json` | parent, before and after | how the run ended |
//! | `end.json` | child, before and at its end | that the variant returned, or its error |
//! | `requests.bin` | child, while it runs | one slot a request: [`crate::request_log`] |
//! | `floor.bin` | child, first | the same for the null target |
//! | `counters.bin` | child, while it runs | what the variant reports about itself |
//! | `post-mortem.json` | child when its time is up, names by the parent | threads, tasks and locks of a run that hung: [`crate::post_mortem::PostMortem`] |
//! | `panics.json` | child at each panic, names by the parent | [`crate::threads::Panic`] |
//! | `stdout.txt`, `stderr.txt` | child | what the scenario printed |
//! | `scratch/` | child | files of the scenario, removed when the run is over |
//!
//! Files that are written at the end are reserved at the start, so that a disk which fills up in
//! between cannot take the ending away.

use crate::file;
use crate::outcome::{End, Outcome};
use crate::reserved::Reserved;
use crate::spec::{FORMAT, Spec, upgrade};
use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};

const SPEC: &str = "spec.json";
const OUTCOME: &str = "outcome.json";
const END: &str = "end.json";
/// Files of the scenario, while it runs.
pub const SCRATCH: &str = "scratch";
/// What the scenario printed on stdout.
pub const STDOUT: &str = "stdout.txt";
/// What the scenario printed on stderr.
pub const STDERR: &str = "stderr.txt";

/// Removes what a run needs only while it lasts: its scratch files, and files that it was killed
/// over before they had their name.
pub fn remove_scratch(run: &Path) {
    let _ = fs::remove_dir_all(run.join(SCRATCH));
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(file::is_unfinished) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A recording that is open for its run.
#[derive(Debug)]
pub struct Recorder {
    /// The run's folder.
    pub folder: PathBuf,
    outcome: Reserved,
}

impl Recorder {
    /// Makes the folder of a run and reserves what is written later.
    ///
    /// # Errors
    /// If the folder exists, or if there is no room.
    pub fn create(folder: &Path, spec: &Spec) -> anyhow::Result<Recorder> {
        fs::create_dir(folder)?;
        Recorder::fill(folder, spec).inspect_err(|_| {
            // Only what was made here: a folder that was there before is another run's.
            let _ = fs::remove_dir_all(folder);
        })
    }

    fn fill(folder: &Path, spec: &Spec) -> anyhow::Result<Recorder> {
        fs::write(folder.join(SPEC), serde_json::to_vec_pretty(spec)?)?;
        Reserved::create(&folder.join(END))?;
        let outcome = Reserved::create(&folder.join(OUTCOME))?;
        outcome.write(&Outcome::unfinished("the lab was killed during this run"))?;
        Ok(Recorder { folder: folder.to_owned(), outcome })
    }

    /// Writes how the run ended into the block that was reserved for it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_outcome(&self, outcome: &Outcome) -> anyhow::Result<()> {
        self.outcome.write(outcome)
    }
}

/// A recording as it was read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Where it is.
    pub folder: PathBuf,
    /// What it was to do.
    pub spec: Spec,
    /// How it ended.
    pub outcome: Outcome,
}

/// Whether a folder is a run's recording.
pub fn is_recording(folder: &Path) -> bool {
    folder.join(SPEC).is_file()
}

/// Opens a recording. An outcome that cannot be read is an unfinished one.
///
/// # Errors
/// If there is no readable spec, or if a newer lab wrote it.
pub fn open(folder: &Path) -> anyhow::Result<Recording> {
    let spec = read_spec(folder)?;
    let outcome = read_json(&folder.join(OUTCOME));
    let outcome = outcome
        .unwrap_or_else(|error| Outcome::unfinished(&format!("its outcome is lost: {error:#}")));
    Ok(Recording { folder: folder.to_owned(), spec, outcome })
}

/// Reads what a run is to do, in this format or in the one before it.
///
/// # Errors
/// If there is no readable spec, or if a newer lab wrote it.
pub fn read_spec(folder: &Path) -> anyhow::Result<Spec> {
    let path = folder.join(SPEC);
    let not_understood = || format!("cannot understand {}", path.display());
    let mut spec: Map<String, Value> = read_json(&path)?;
    let format = spec.get("format").and_then(Value::as_u64).with_context(not_understood)?;
    if format > u64::from(FORMAT) {
        bail!(
            "{} was recorded in format {format}, this lab reads up to {FORMAT}: use a newer lab",
            folder.display()
        );
    }
    if format < u64::from(FORMAT) {
        upgrade(&mut spec);
    }
    serde_json::from_value(Value::Object(spec)).with_context(not_understood)
}

/// How the variant's function ended, if it did.
pub fn read_end(folder: &Path) -> Option<End> {
    read_json(&folder.join(END)).ok()
}

/// Writes how the variant's function ended into the block that the parent reserved.
///
/// # Errors
/// If the parent reserved none, or if it cannot be written.
pub fn write_end(folder: &Path, end: &End) -> anyhow::Result<()> {
    Reserved::open(&folder.join(END))?.write(end)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ending, Kind, Load};

    fn spec() -> Spec {
        Spec::new("greedy", "buggy", Kind::Buggy, Load::DEFAULT)
    }

    #[test]
    fn a_recording_reads_back_and_is_unfinished_until_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let recorder = Recorder::create(&run, &spec()).unwrap();
        let read = open(&run).unwrap();
        assert_eq!((read.spec, read.outcome.ending), (spec(), Ending::Unfinished));
        assert!(read_end(&run).is_none(), "the variant has not ended");
        write_end(&run, &End { failed: Some("a panic".into()), usage: None }).unwrap();
        assert_eq!(read_end(&run).unwrap().failed.as_deref(), Some("a panic"));
        let outcome = Outcome {
            ending: Ending::Hung,
            warnings: vec!["late".into()],
            ..Outcome::unfinished("slow")
        };
        recorder.write_outcome(&outcome).unwrap();
        assert_eq!(open(&run).unwrap().outcome, outcome);
    }

    #[test]
    fn a_damaged_outcome_is_an_unfinished_run() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        Recorder::create(&run, &spec()).unwrap();
        fs::write(run.join(OUTCOME), "{\"ending\":").unwrap();
        let read = open(&run).unwrap();
        assert_eq!(read.outcome.ending, Ending::Unfinished);
        assert!(read.outcome.text.unwrap().contains("lost"));
    }

    #[test]
    fn a_newer_recording_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(SPEC), r#"{"format": 99, "unknown": true}"#).unwrap();
        assert!(open(folder.path()).unwrap_err().to_string().contains("use a newer lab"));
    }
}
