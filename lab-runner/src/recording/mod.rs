//! A recording: the folder that a run leaves, and the only channel between parent and child.
//!
//! | file | written by | holds |
//! | --- | --- | --- |
//! | `spec.json` | parent, before | what is asked: variant, load, environment |
//! | `outcome.json` | parent, before and after | how the run ended |
//! | `end.json` | child, before and at its end | that the variant returned, or its error |
//! | `requests.bin` | child, while it runs | one slot a request: `lab_kit::log` |
//! | `floor.bin` | child, first | the same for the null target |
//! | `counters.bin` | child, while it runs | what the variant reports about itself |
//! | `post-mortem.json` | child when its time is up, names by the parent | what a run that hung was at: [`crate::hang::PostMortem`] |
//! | `panics.json` | child at each panic, names by the parent | [`crate::lens::threads::Panic`] |
//! | `stdout.txt`, `stderr.txt` | child | what the scenario printed |
//! | `scratch/` | child | files of the scenario, removed when the run is over |
//!
//! Files that are written at the end are reserved at the start, so that a disk which fills up in between
//! cannot take the ending away.

mod reserved;

pub(crate) use reserved::Reserved;

use crate::lens::Lens;
use anyhow::{Context, bail};
use lab_kit::{Ending, Kind, Load};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The format that this lab writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

const SPEC: &str = "spec.json";
const OUTCOME: &str = "outcome.json";
const END: &str = "end.json";
/// Files of the scenario, while it runs.
const SCRATCH: &str = "scratch";
/// What the scenario printed.
pub const STDOUT: &str = "stdout.txt";
/// What the scenario complained about.
pub const STDERR: &str = "stderr.txt";

/// What one run was asked to do. Written before it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Format of the whole recording.
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The variant's name.
    pub variant: String,
    /// The variant's kind.
    pub kind: Kind,
    /// What the variant is, in a line.
    pub about: String,
    /// What was asked of it.
    pub load: Load,
    /// What the load's size was multiplied by for a growth claim; 1 for a plain run.
    pub scaled: usize,
    /// Which repetition of a sweep's size this is, from 0; absent for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<usize>,
    /// Which of many trials with different seeds this is, from 1; absent for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<usize>,
    /// Its place in a comparison; absent for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
    /// Whether more pairs may be added after a look at those so far, which every look pays for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub looks: bool,
    /// The lens that it is looked at with; absent if it measures. No number of a table comes from a run with a lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<Lens>,
    /// Bytes that its environment was lengthened by, so that the stack does not begin where it always does.
    #[serde(default)]
    pub padding: usize,
    /// When the run is killed, in milliseconds after its start.
    pub timeout_ms: u64,
    /// What was typed after the name of the binary.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The process that started it: a child that has another parent is an orphan and ends.
    #[serde(default)]
    pub parent: u32,
    /// What it was built with and where it ran.
    pub environment: Environment,
}

/// What a run was built with and where it ran. What is unknown is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Cores that the process may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<usize>,
    /// The processor's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Operating system and architecture.
    pub os: String,
    /// Version of the lab.
    pub lab: String,
    /// The compiler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rustc: Option<String>,
    /// Version of tokio in the lock file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokio: Option<String>,
    /// Version of futures in the lock file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub futures: Option<String>,
    /// What gives out memory, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocator: Option<String>,
    /// Whether tokio's unstable hooks are there.
    pub tokio_unstable: bool,
    /// Whether this is a release build.
    pub optimised: bool,
}

/// How a run ended, as its parent saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The ending.
    pub ending: Ending,
    /// What there is to say about it: the error, the panic, the signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When the child was gone, on the clock of the request log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ns: Option<u64>,
    /// From the child's start to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_ms: Option<f64>,
    /// CPU time that the host took away while the run lasted, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<Steal>,
    /// Cores that processes other than the run and the lab used meanwhile, on average, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_cores: Option<f64>,
    /// What the run used, if it got so far as to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What went wrong beside the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A run's place in a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Which pair it belongs to, from 1.
    pub number: usize,
    /// Which side of it it is.
    pub side: Side,
    /// What the side is called where its variant does not tell it: the load that it is put under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What is compared, the metric that decides first; all that is known if nothing is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before.
    A,
    /// After.
    B,
}

/// What a process used, as the kernel counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Most memory that it had at a time, in kilobytes.
    pub peak_memory_kb: u64,
    /// Most bytes that its allocator had given out at a time, if it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_live_bytes: Option<u64>,
    /// Switches from one of its threads to another one, wanted or not.
    pub switches: u64,
}

/// CPU time that the host of a virtual machine gave to others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steal {
    /// As a share of the time of all cores.
    pub share: f64,
    /// In milliseconds, added up over all cores.
    pub ms: f64,
}

impl Outcome {
    /// What a recording says until its run has ended.
    pub fn unfinished(text: &str) -> Outcome {
        Outcome {
            ending: Ending::Unfinished,
            text: Some(text.to_owned()),
            ended_ns: None,
            process_ms: None,
            steal: None,
            foreign_cores: None,
            usage: None,
            warnings: Vec::new(),
        }
    }
}

/// What the child says at its end. Absent when it did not get there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    /// The error or panic, if the variant did not return `Ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What the process had used by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// Removes a run's scratch files: they are nobody's once it is over.
pub(crate) fn remove_scratch(run: &Path) {
    let _ = fs::remove_dir_all(run.join(SCRATCH));
}

/// Removes scratch files of runs whose lab was killed before it could.
pub(crate) fn remove_abandoned_scratch(out: &Path) {
    // out / invocation / run, and one folder deeper where lab verify or a sweep made several.
    const DEEPEST: usize = 3;
    // Only what an invocation is called like is looked into, and no link is followed: --out may be anybody's folder.
    let is_invocation = |name: &str| name.rsplit_once("Z-").is_some_and(|(_, process)| process.parse::<u32>().is_ok());
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).collect::<Vec<_>>()
    };
    let ours = below(out).into_iter().filter(|entry| entry.file_name().to_str().is_some_and(is_invocation));
    let mut folders: Vec<(PathBuf, usize)> = ours.map(|entry| (entry.path(), 1)).collect();
    while let Some((folder, depth)) = folders.pop() {
        if folder.join(SCRATCH).is_dir() && read_spec(&folder).is_ok_and(|spec| !is_alive(spec.parent)) {
            remove_scratch(&folder);
        }
        if depth < DEEPEST {
            folders.extend(below(&folder).into_iter().map(|entry| (entry.path(), depth + 1)));
        }
    }
}

fn is_alive(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}

/// A recording that is open for its run.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub folder: PathBuf,
    outcome: Reserved,
}

impl Recorder {
    /// Makes the folder of a run and reserves what is written later.
    pub fn create(folder: &Path, spec: &Spec) -> anyhow::Result<Recorder> {
        fs::create_dir(folder)?;
        fs::write(folder.join(SPEC), serde_json::to_vec_pretty(spec)?)?;
        Reserved::create(&folder.join(END))?;
        let outcome = Reserved::create(&folder.join(OUTCOME))?;
        outcome.write(&Outcome::unfinished("the lab died while this run was under way"))?;
        Ok(Recorder { folder: folder.to_owned(), outcome })
    }

    pub fn write_outcome(&self, outcome: &Outcome) -> anyhow::Result<()> {
        self.outcome.write(outcome)
    }
}

/// A recording as it was read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Where it is.
    pub folder: PathBuf,
    /// What was asked.
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
    let outcome = outcome.unwrap_or_else(|error| Outcome::unfinished(&format!("its outcome is lost: {error:#}")));
    Ok(Recording { folder: folder.to_owned(), spec, outcome })
}

/// Reads what a run is to do.
pub(crate) fn read_spec(folder: &Path) -> anyhow::Result<Spec> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let path = folder.join(SPEC);
    let Versioned { format } = read_json(&path)?;
    if format > FORMAT {
        bail!("{} was recorded in format {format}, this lab reads up to {FORMAT}: use a newer lab", folder.display());
    }
    read_json(&path)
}

/// What the child said at its end, if it got there.
pub(crate) fn read_end(folder: &Path) -> Option<End> {
    read_json(&folder.join(END)).ok()
}

/// Writes the child's last word into the place that its parent reserved.
pub(crate) fn write_end(folder: &Path, end: &End) -> anyhow::Result<()> {
    Reserved::open(&folder.join(END))?.write(end)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn spec() -> Spec {
        Spec {
            format: FORMAT,
            scenario: "greedy".into(),
            variant: "buggy".into(),
            kind: Kind::Buggy,
            about: "never yields".into(),
            load: Load::DEFAULT,
            scaled: 1,
            repetition: None,
            trial: None,
            pair: None,
            looks: false,
            lens: None,
            padding: 0,
            timeout_ms: 1_000,
            command: "run greedy".into(),
            parent: 1,
            environment: Environment::here(),
        }
    }

    #[test]
    fn a_recording_reads_back_and_is_unfinished_until_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let recorder = Recorder::create(&run, &spec()).unwrap();
        let read = open(&run).unwrap();
        assert_eq!((read.spec, read.outcome.ending), (spec(), Ending::Unfinished));
        assert!(read_end(&run).is_none(), "the child has not spoken");
        write_end(&run, &End { failed: Some("a panic".into()), usage: None }).unwrap();
        assert_eq!(read_end(&run).unwrap().failed.as_deref(), Some("a panic"));
        let outcome = Outcome { ending: Ending::Hung, warnings: vec!["late".into()], ..Outcome::unfinished("slow") };
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
