//! The profilers, and the status that each of them writes when it is done.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A profiler. Each has a run of its own: two profilers in one process measure each other, and some
/// pairs deadlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profiler {
    /// Code that uses CPU time.
    Cpu,
    /// Code that allocates memory, and code that keeps it.
    Alloc,
    /// Code that long polls are in, on the CPU and off it.
    Stall,
    /// Polls, the tasks that occupy workers, and the tasks that wait for them.
    Sched,
    /// Time in the steps of a request.
    Spans,
    /// The server for tokio-console, with `--console`. It writes no profile.
    Console,
}

impl Profiler {
    /// The profilers that write a profile, in the order of the report.
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
            "profilers are cpu, alloc, stall, sched, spans: \
             try --profile cpu,stall, or all, or none"
                .into()
        })
    }
}

/// The status of a profiler: `profiler.json` in the folder of its run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProfilerStatus {
    /// The reason why the profiler is not available; then there are no views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// Counts of the profiler's own work: samples requested, delivered and lost, sampling rate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// The views, each with a file of folded stacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewStatus>,
    /// Limits of this profile that its reader has to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One view of a profiler: folded stacks in one unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewStatus {
    /// The name: `cpu`, `alloc churn`, `stall off-CPU`.
    pub name: String,
    /// The file of folded stacks, in the same folder.
    pub file: String,
    /// The unit of the weights: `samples`, `ms`, `bytes`, `us`.
    pub unit: String,
    /// The file of the same stacks weighted by samples, if the weights are not samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<String>,
    /// One sentence on the contents of the view and its limits.
    pub shows: String,
}

impl ProfilerStatus {
    /// The file's name.
    pub const FILE: &str = "profiler.json";

    /// The status of a profiler that is not available.
    pub fn unavailable(why: impl Into<String>) -> ProfilerStatus {
        ProfilerStatus { unavailable: Some(why.into()), ..ProfilerStatus::default() }
    }

    /// Reads the status in a folder; none if it is missing or damaged.
    pub fn read(folder: &Path) -> Option<ProfilerStatus> {
        serde_json::from_slice(
            &crate::plain_file::read(
                &folder.join(ProfilerStatus::FILE),
                crate::plain_file::DOCUMENT,
            )
            .ok()?,
        )
        .ok()
    }

    /// Writes the status into the folder of a run.
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
    fn profilers_are_parsed_from_their_names() {
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
    fn a_status_is_read_back_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let status = ProfilerStatus::unavailable("no jemalloc in this binary");
        status.write(folder.path()).unwrap();
        assert_eq!(ProfilerStatus::read(folder.path()), Some(status));
        std::fs::write(folder.path().join(ProfilerStatus::FILE), "{").unwrap();
        assert_eq!(ProfilerStatus::read(folder.path()), None);
    }
}
