//! A recording: the folder that a run leaves, and the only channel between parent and child.
//!
//! | file | written by | contents |
//! | --- | --- | --- |
//! | `spec.json` | parent, before | the task of the run: variant, load, environment |
//! | `outcome.json` | parent, before and after | the ending of the run |
//! | `end.json` | child, before and at its end | the return of the variant, or its error |
//! | `requests.bin` | child, during the run | one slot a request: [`crate::request_log`] |
//! | `floor.bin` | child, first | the same for the null target |
//! | `counters.bin` | child, during the run | counters of the variant |
//! | `post-mortem.json` | child at its deadline | [`crate::post_mortem::PostMortem`] |
//! | `panics.json` | child at each panic | [`crate::threads::Panic`] |
//! | `stdout.txt`, `stderr.txt` | child | output of the scenario |
//! | `scratch/` | child | files of the scenario, removed after the run |
//!
//! The parent resolves addresses in the child's files to names. Files that are written at the end
//! are reserved at the start, so that the ending can be written even if the disk is full by then.

use crate::outcome::{End, Outcome};
use crate::reserved::Reserved;
use crate::spec::{FORMAT, Spec, upgrade};
use crate::{file, plain_file};
use anyhow::{Context, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};

/// File with the spec of a run.
pub const SPEC: &str = "spec.json";
const OUTCOME: &str = "outcome.json";
const END: &str = "end.json";
/// Folder for files of the scenario during the run.
pub const SCRATCH: &str = "scratch";
/// File with the scenario's stdout.
pub const STDOUT: &str = "stdout.txt";
/// File with the scenario's stderr.
pub const STDERR: &str = "stderr.txt";

/// Removes the scratch files of a run, which are not needed after it, and files that a killed
/// process left unfinished.
pub fn remove_scratch(run: &Path) {
    let _ = fs::remove_dir_all(run.join(SCRATCH));
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(file::is_unfinished) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The recording of a run in progress.
#[derive(Debug)]
pub struct Recorder {
    /// The run's folder.
    pub folder: PathBuf,
    /// Checksum of its spec.
    spec: u64,
    outcome: Reserved,
}

impl Recorder {
    /// Makes the folder of a run, and reserves the files that are written at its end.
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
        let text = serde_json::to_vec_pretty(spec)?;
        // Whole or not at all: a folder without a spec is no recording.
        file::replace(&folder.join(SPEC), &text)?;
        Reserved::create(&folder.join(END))?;
        let outcome = Reserved::create(&folder.join(OUTCOME))?;
        let recorder = Recorder { folder: folder.to_owned(), spec: checksum_of(&text), outcome };
        recorder.write_outcome(&Outcome::unfinished("the lab was killed during this run"))?;
        Ok(recorder)
    }

    /// Writes the outcome into its reserved file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_outcome(&self, outcome: &Outcome) -> anyhow::Result<()> {
        self.outcome.write(&Outcome { spec: Some(self.spec), ..outcome.clone() })
    }
}

/// A recording that was read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its folder.
    pub folder: PathBuf,
    /// The task of the run.
    pub spec: Spec,
    /// The ending of the run.
    pub outcome: Outcome,
}

/// Whether a folder is the recording of a run.
pub fn is_recording(folder: &Path) -> bool {
    folder.join(SPEC).is_file()
}

/// Opens a recording. A run whose outcome cannot be read is unfinished.
///
/// # Errors
/// If there is no readable spec, or if a newer lab wrote it.
pub fn open(folder: &Path) -> anyhow::Result<Recording> {
    let spec = read_spec(folder)?;
    let outcome = read_json::<Outcome>(&folder.join(OUTCOME)).and_then(|outcome| {
        check_belongs(folder, outcome.spec)?;
        Ok(outcome)
    });
    let outcome = outcome
        .unwrap_or_else(|error| Outcome::unfinished(&format!("its outcome is lost: {error:#}")));
    Ok(Recording { folder: folder.to_owned(), spec, outcome })
}

/// Reads the spec of a run, in this format or in the one before it.
///
/// # Errors
/// If there is no readable spec, or if a newer lab wrote it.
pub fn read_spec(folder: &Path) -> anyhow::Result<Spec> {
    let path = folder.join(SPEC);
    let text = plain_file::read(&path, plain_file::HEAD)
        .with_context(|| format!("cannot read {}", path.display()))?;
    parse_spec(&text).with_context(|| format!("cannot understand {}", path.display()))
}

/// Parses the text of a spec, in this format or in the one before it.
///
/// # Errors
/// If it is not a spec, if a newer lab wrote it, or if no run can have had its load.
pub fn parse_spec(text: &[u8]) -> anyhow::Result<Spec> {
    let mut spec: Map<String, Value> = serde_json::from_slice(text)?;
    let format = spec.get("format").and_then(Value::as_u64).context("it has no format")?;
    if format > u64::from(FORMAT) {
        bail!("it has format {format}, this lab reads up to {FORMAT}: use a newer lab");
    }
    ensure!(format > 0, "there is no format 0");
    if format < u64::from(FORMAT) {
        upgrade(&mut spec);
    }
    let spec: Spec = serde_json::from_value(Value::Object(spec))?;
    spec.load.check_recorded()?;
    Ok(spec)
}

/// Checksum of the spec of a run, which its outcome and its request logs carry: files of different
/// runs in one folder do not pass for a run. None if there is no spec.
///
/// It is the 64-bit FNV-1a hash of the bytes of the file. It detects accidents; who changes a
/// recording on purpose can change it too.
pub fn checksum(folder: &Path) -> Option<u64> {
    plain_file::read(&folder.join(SPEC), plain_file::HEAD).ok().map(|text| checksum_of(&text))
}

/// The 64-bit FNV-1a hash of some bytes.
pub fn checksum_of(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// Rejects a file of another run by the checksum of the spec that it carries. Files of older labs
/// carry none.
///
/// # Errors
/// If it carries another checksum than that of this run's spec.
pub fn check_belongs(folder: &Path, spec: Option<u64>) -> anyhow::Result<()> {
    let belongs = spec.is_none_or(|spec| checksum(folder) == Some(spec));
    ensure!(belongs, "it belongs to another run, or {SPEC} was changed after the run");
    Ok(())
}

/// The end of the variant's function; none if it has not ended.
pub fn read_end(folder: &Path) -> Option<End> {
    read_json(&folder.join(END)).ok()
}

/// Writes the end of the variant's function into the file that the parent reserved.
///
/// # Errors
/// If the file is not reserved or cannot be written.
pub fn write_end(folder: &Path, end: &End) -> anyhow::Result<()> {
    Reserved::open(&folder.join(END))?.write(end)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = plain_file::read(path, plain_file::HEAD)
        .with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot understand {}", path.display()))
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
        let written = Outcome { spec: checksum(&run), ..outcome };
        assert_eq!(open(&run).unwrap().outcome, written);
    }

    #[test]
    fn files_of_another_run_do_not_belong() {
        let folder = tempfile::tempdir().unwrap();
        let runs = ["one", "other"].map(|name| folder.path().join(name));
        Recorder::create(&runs[0], &spec()).unwrap();
        let other = Spec { padding: 8, ..spec() };
        Recorder::create(&runs[1], &other).unwrap();
        assert!(check_belongs(&runs[0], checksum(&runs[0])).is_ok());
        assert!(check_belongs(&runs[0], None).is_ok(), "an older lab wrote none");
        assert!(check_belongs(&runs[0], checksum(&runs[1])).is_err());
        fs::copy(runs[1].join(OUTCOME), runs[0].join(OUTCOME)).unwrap();
        let text = open(&runs[0]).unwrap().outcome.text.unwrap();
        assert!(text.contains("belongs to another run"), "{text}");
    }

    #[test]
    fn a_spec_that_no_lab_writes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut written = serde_json::to_value(spec()).unwrap();
            change(&mut written);
            fs::write(folder.path().join(SPEC), written.to_string()).unwrap();
            format!("{:#}", read_spec(folder.path()).unwrap_err())
        };
        assert!(refused(&|spec| spec["format"] = 0.into()).contains("there is no format 0"));
        let rate = refused(&|spec| spec["load"]["rate"] = (-1.0).into());
        assert!(rate.contains("a rate of -1"), "{rate}");
        let workers = refused(&|spec| spec["load"]["workers"] = (1u64 << 40).into());
        assert!(workers.contains("workers"), "{workers}");
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
        assert!(format!("{:#}", open(folder.path()).unwrap_err()).contains("use a newer lab"));
    }
}
