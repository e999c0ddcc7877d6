//! The recordings in the folder that they go to: one folder for each command that ran something,
//! `greedy-20260301T093000Z-1234`.

use crate::engine::invocation::is_held;
use lab_recording::folder::is_recording;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many recordings may pile up before `lab clean` is recommended.
pub(crate) const MANY: usize = 40;
/// `lab verify` and a sweep make folders of runs, and `lab score` folders of profiled runs in
/// those.
const DEEPEST: usize = 4;
/// What a score leaves beside its runs.
const SCORE: &str = lab_analysis::score::Recorded::FILE;

/// What one command recorded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub folder: PathBuf,
    /// When it was made.
    pub made: SystemTime,
    /// Bytes of its files.
    pub bytes: u64,
}

/// All recordings of this lab in a folder that belong to no running lab, the newest first. Other
/// folders, and links, are nobody's to touch.
pub(crate) fn finished(out: &Path) -> Vec<Recorded> {
    let mut found: Vec<Recorded> = invocations(out)
        .into_iter()
        .filter(|entry| holds_a_recording(&entry.path(), DEEPEST) && !is_running(entry))
        .map(|entry| Recorded {
            made: entry.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH),
            bytes: bytes_below(&entry.path()),
            folder: entry.path(),
        })
        .collect();
    found.sort_by(|one, other| (other.made, &other.folder).cmp(&(one.made, &one.folder)));
    found
}

/// The folders that are called as a lab calls those that it records into. No link is followed.
pub(crate) fn invocations(out: &Path) -> Vec<DirEntry> {
    let folders = folders_in(out).into_iter();
    folders.filter(|entry| entry.file_name().to_str().is_some_and(is_invocation)).collect()
}

/// The folders directly in a folder, without links.
pub(crate) fn folders_in(folder: &Path) -> Vec<DirEntry> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).collect()
}

/// Whether a process is alive.
fn is_alive(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| {
        rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH)
    })
}

/// Whether this is the name of a recording: `greedy-20260301T093000Z-1234`.
fn is_invocation(name: &str) -> bool {
    process_of(name).is_some()
}

/// The process that made a recording of this name.
fn process_of(name: &str) -> Option<u32> {
    let (begin, process) = name.rsplit_once("Z-")?;
    let (what, time) = begin.rsplit_once('-')?;
    let (date, clock) = time.split_once('T')?;
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let is_time = digits(date, 8) && digits(clock, 6);
    process.parse().ok().filter(|_| is_time && !what.is_empty())
}

/// Whether the lab that made a folder still runs: it holds the folder, or, where nothing can be
/// held, there is a process with the number in its name.
pub(crate) fn is_running(entry: &DirEntry) -> bool {
    let named = || entry.file_name().to_str().and_then(process_of).is_some_and(is_alive);
    is_held(&entry.path()).unwrap_or_else(named)
}

fn holds_a_recording(folder: &Path, depth: usize) -> bool {
    if is_recording(folder) || folder.join(SCORE).is_file() {
        return true;
    }
    depth > 0 && folders_in(folder).iter().any(|entry| holds_a_recording(&entry.path(), depth - 1))
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut bytes = 0;
    for entry in entries {
        match entry.metadata() {
            Ok(about) if about.is_dir() => bytes += bytes_below(&entry.path()),
            Ok(about) => bytes += about.len(),
            Err(_) => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::invocation::make;

    #[test]
    fn only_names_that_a_lab_gives_are_recordings() {
        for name in ["greedy-20260301T093000Z-1234", "greedy-compare-20260301T093000Z-7"] {
            assert!(is_invocation(name), "{name}");
        }
        for name in [
            "greedy",
            "aZ-1",
            "-20260301T093000Z-1",
            "greedy-20260301T093000Z-",
            "greedy-2026T09Z-1",
            "greedy-20260301T093000Z-12x",
            "important-data",
            "greedy-20260301T093000Z-1234.tar",
        ] {
            assert!(!is_invocation(name), "{name}");
        }
    }

    #[test]
    fn only_finished_recordings_are_found_and_no_link_is_followed() {
        let out = tempfile::tempdir().unwrap();
        let made = |name: &str, file: &str| {
            let folder = out.path().join(name);
            fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            fs::write(folder.join(file), "12345").unwrap();
            folder
        };
        // No process has the number 4194304 or above.
        let run = made("greedy-20260301T093000Z-4194305", "01-buggy/spec.json");
        let score = made("score-20260301T093000Z-4194306", "score.json");
        made("greedy-20260301T093000Z-4194307", "notes.txt");
        made("greedy", "01-buggy/spec.json");
        let held = make(out.path(), "greedy-20260301T093000Z", std::process::id()).unwrap();
        made(held.file_name().unwrap().to_str().unwrap(), "01-buggy/spec.json");
        std::os::unix::fs::symlink(&run, out.path().join("linked-20260301T093000Z-4194308"))
            .unwrap();
        let mut found: Vec<(PathBuf, u64)> =
            finished(out.path()).into_iter().map(|found| (found.folder, found.bytes)).collect();
        found.sort();
        assert_eq!(found, [(run, 5), (score, 5)]);
    }
}
