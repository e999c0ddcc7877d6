//! The profilers, and the status that each of them writes when it is done.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// An instrument that looks into a run. Each has a run of its own: two of them in one process see
/// each other, and some pairs deadlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profiler {
    /// Where the CPU time goes.
    Cpu,
    /// Who asks for memory, and who keeps it.
    Alloc,
    /// Where polls are while they take long, on the CPU and off it.
    Stall,
    /// Who is polled, who holds the workers, and who waits for them.
    Sched,
    /// How long the steps of a request take.
    Spans,
    /// Somebody who watches with tokio-console. Leaves nothing, and is asked for by `--console`
    /// alone.
    Console,
}

impl Profiler {
    /// All that leave something, in the order in which they are shown.
    pub const ALL: [Profiler; 5] =
        [Profiler::Cpu, Profiler::Alloc, Profiler::Stall, Profiler::Sched, Profiler::Spans];
    /// The profilers of a run for which none are named.
    pub const DEFAULT: [Profiler; 4] =
        [Profiler::Cpu, Profiler::Alloc, Profiler::Stall, Profiler::Sched];
}

impl fmt::Display for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Profiler::Cpu => "cpu",
            Profiler::Alloc => "alloc",
            Profiler::Stall => "stall",
            Profiler::Sched => "sched",
            Profiler::Spans => "spans",
            Profiler::Console => "console",
        })
    }
}

impl FromStr for Profiler {
    type Err = String;

    fn from_str(text: &str) -> Result<Profiler, String> {
        let named = Profiler::ALL.into_iter().find(|profiler| profiler.to_string() == text);
        named.ok_or_else(|| {
            "profilers are cpu, alloc, stall, sched, spans: try --profile cpu,stall, or all, or none".into()
        })
    }
}

/// The status of a profiler: `profiler.json` in the folder of its run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProfilerStatus {
    /// Why it saw nothing, if so: then there are no views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// What it counted about its own work: samples asked and delivered, lost ones, its rate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// What it saw, each as a file of folded stacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewStatus>,
    /// What has to be known before believing it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One view of a profiler: folded stacks in one unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewStatus {
    /// What it is called: `cpu`, `alloc churn`, `stall off-CPU`.
    pub name: String,
    /// The file of folded stacks, beside this note.
    pub file: String,
    /// The unit of its weights: `samples`, `ms`, `bytes`, `us`.
    pub unit: String,
    /// The file of the same stacks in samples, where the weights are no samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<String>,
    /// What a picture of it shows and what it cannot show, in a sentence.
    pub shows: String,
}

impl ProfilerStatus {
    /// The file's name.
    pub const FILE: &str = "profiler.json";

    /// A profiler that saw nothing, and why.
    pub fn unavailable(why: impl Into<String>) -> ProfilerStatus {
        ProfilerStatus { unavailable: Some(why.into()), ..ProfilerStatus::default() }
    }

    /// Reads it; none if it is missing or damaged.
    pub fn read(folder: &Path) -> Option<ProfilerStatus> {
        serde_json::from_slice(&std::fs::read(folder.join(ProfilerStatus::FILE)).ok()?).ok()
    }

    /// Writes it into the folder of its run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(folder.join(ProfilerStatus::FILE), serde_json::to_vec_pretty(self)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profilers_are_words_that_read_back() {
        for profiler in Profiler::ALL {
            assert_eq!(profiler.to_string().parse(), Ok(profiler));
            assert_eq!(
                serde_json::to_value(profiler).unwrap(),
                serde_json::json!(profiler.to_string())
            );
        }
        assert!("gpu".parse::<Profiler>().unwrap_err().contains("try --profile"));
    }

    #[test]
    fn a_note_reads_back_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let note = ProfilerStatus::unavailable("no jemalloc in this binary");
        note.write(folder.path()).unwrap();
        assert_eq!(ProfilerStatus::read(folder.path()), Some(note));
        std::fs::write(folder.path().join(ProfilerStatus::FILE), "{").unwrap();
        assert_eq!(ProfilerStatus::read(folder.path()), None);
    }
}
