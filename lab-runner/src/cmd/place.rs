//! Where a command that only reads a recording puts a file by default. A recording below the folder
//! of recordings is the lab's own; any other one may be under version control or somebody's
//! evidence, and stays as it is.

use lab_recording::folder::is_recording;
use std::fs;
use std::path::{Path, PathBuf};

/// The default path of `name` for a recording: in it if it lies below `out`, else in `out`, with
/// the recording's name in front.
pub(crate) fn beside(recording: &Path, out: &Path, name: &str) -> PathBuf {
    if is_below(recording, out) {
        return recording.join(name);
    }
    out.join(format!("{}-{name}", called(recording)))
}

fn is_below(recording: &Path, out: &Path) -> bool {
    let canonical = |path: &Path| fs::canonicalize(path).ok();
    canonical(recording).zip(canonical(out)).is_some_and(|(inner, outer)| inner.starts_with(outer))
}

/// The name of a recording; that of a single run has no meaning without the folder that it is in.
fn called(recording: &Path) -> String {
    let whole = fs::canonicalize(recording).unwrap_or_else(|_| recording.to_owned());
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let parent = whole.parent().filter(|_| is_recording(&whole)).and_then(name);
    let names = parent.into_iter().chain(name(&whole)).collect::<Vec<_>>();
    if names.is_empty() { "recording".into() } else { names.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_labs_own_recordings_are_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("lab-runs");
        let own = out.join("greedy-1");
        let data = folder.path().join("data/greedy");
        let run = data.join("01-buggy");
        for folder in [&own, &run] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(run.join("spec.json"), "{}").unwrap();
        assert_eq!(beside(&own, &out, "report.html"), own.join("report.html"));
        assert_eq!(beside(&data, &out, "report.html"), out.join("greedy-report.html"));
        assert_eq!(beside(&run, &out, "export"), out.join("greedy-01-buggy-export"));
        let missing = folder.path().join("none");
        assert_eq!(
            beside(&own, &missing, "x"),
            missing.join("greedy-1-x"),
            "no folder of recordings"
        );
    }
}
