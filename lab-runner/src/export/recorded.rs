//! The schedulers' recordings of an invocation as traces, each a file that is written while the
//! recording is read.

use crate::export::perfetto::{self, Names};
use crate::export::{file_name, put};
use lab_analysis::evidence::label;
use lab_analysis::profile::Profile;
use lab_analysis::scheduler::{Sched, TaskKind};
use lab_recording::scheduler::{Place, Recording};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are written at a time.
const CHUNK: usize = 1 << 20;

/// Where the traces are, and a sentence for each run whose recording cannot be read, or not to its
/// end.
pub(crate) fn traces(
    profiles: &[Profile],
    into: &Path,
) -> anyhow::Result<(Vec<PathBuf>, Vec<String>)> {
    let (mut written, mut without) = (Vec::new(), Vec::new());
    for profile in profiles.iter().filter(|profile| profile.sched.is_some()) {
        match open(&profile.folder) {
            Ok(recording) => {
                written.push(trace(profile, &recording, into)?);
                if recording.known.cut {
                    let label = label(&profile.spec);
                    let text = "is cut off or damaged: the trace ends there";
                    without.push(format!("the scheduler's recording of {label} {text}"));
                }
            }
            Err(error) => {
                let label = label(&profile.spec);
                without
                    .push(format!("cannot read the scheduler's recording of {label}: {error:#}"));
            }
        }
    }
    Ok((written, without))
}

/// Opens the recording in the folder of its run. The one place that knows the reader.
fn open(folder: &Path) -> anyhow::Result<Recording> {
    lab_recording::scheduler::read(&folder.join(lab_recording::scheduler::FILE))
}

fn trace(profile: &Profile, recording: &Recording, into: &Path) -> anyhow::Result<PathBuf> {
    let task_kinds = profile.sched.as_ref().map_or(&[][..], |sched: &Sched| &sched.task_kinds);
    let name = label(&profile.spec);
    let names = Names {
        run: format!("{} {name}", profile.spec.scenario),
        polls: recording.known.places.iter().map(|place| polled(place, task_kinds)).collect(),
    };
    put(&format!("{}-sched.pftrace", file_name(&name)), into, |file| {
        let mut to = BufWriter::with_capacity(CHUNK, file);
        perfetto::write(recording, &recording.known, &names, &mut to)?;
        Ok(to.flush()?)
    })
}

/// What polls of tasks are called that were spawned here: by their task kind, whose place may be a
/// shorter path.
fn polled(place: &Place, task_kinds: &[TaskKind]) -> String {
    let whole = format!("{}:{}", place.file, place.line);
    let of_it = |task_kind: &&TaskKind| {
        let before = whole.strip_suffix(&task_kind.spawned_at);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    match task_kinds.iter().find(of_it) {
        Some(task_kind) if task_kind.name != task_kind.spawned_at => {
            format!("{} ({})", task_kind.name, task_kind.spawned_at)
        }
        Some(task_kind) => task_kind.spawned_at.clone(),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_called_by_the_group_whose_place_they_come_from() {
        let task_kind = |name: &str, place: &str| TaskKind {
            name: name.into(),
            spawned_at: place.into(),
            ..TaskKind::default()
        };
        let task_kinds = [
            task_kind("requests", "src/drive.rs:5"),
            task_kind("src/drive.rs:52", "src/drive.rs:52"),
        ];
        let at = |file: &str, line| polled(&Place { file: file.into(), line }, &task_kinds);
        assert_eq!(at("scenarios/greedy/src/drive.rs", 5), "requests (src/drive.rs:5)");
        assert_eq!(at("src/drive.rs", 52), "src/drive.rs:52");
        assert_eq!(
            at("other_src/drive.rs", 5),
            "other_src/drive.rs:5",
            "the end of a name is no place"
        );
    }

    #[test]
    fn a_recording_that_is_not_there_is_told_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open(folder.path()).is_err());
        assert_eq!(traces(&[], folder.path()).unwrap(), (vec![], vec![]));
    }
}
