//! The report as a page: written whole or not at all, and opened if that is asked for. A report stands without it, so a
//! full disk or a folder that nobody may write into is told and changes nothing else.

use crate::exit;
use crate::report::{flames, page};
use lab_analysis::results::Results;
use lab_recording::{file, pack};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the page is called in the folder of its recording.
pub(crate) const FILE: &str = "report.html";

/// Writes the page, into the recording if nothing else is said, and returns where it is; none if it could not be written.
pub(crate) fn write(report: &Results, to: Option<&Path>) -> Option<PathBuf> {
    let path = to.map_or_else(|| default_place(&report.folder), Path::to_owned);
    match page(report).and_then(|page| file::replace(&path, page.as_bytes())) {
        Ok(()) => Some(path),
        Err(error) => {
            exit::say(&format!("warning: the page could not be written: {error:#}: try --html FILE"));
            None
        }
    }
}

/// In the recording; of a packed one, which holds what it holds, beside whoever asks.
fn default_place(recording: &Path) -> PathBuf {
    match pack::packed_path(recording) {
        Some(packed) => format!("{}.html", packed.name()).into(),
        None => recording.join(FILE),
    }
}

/// Writes what an invocation has to show besides its text, if anything looked into it or compared something: the flame
/// graphs as files of their own, and the page.
pub(crate) fn write_all(report: &Results) -> Option<PathBuf> {
    if let Err(error) = write_flames(report) {
        exit::say(&format!("warning: not all flame graphs could be written: {error:#}"));
    }
    let has_pictures = !report.profiles.is_empty() || report.comparison.is_some();
    if has_pictures { write(report, None) } else { None }
}

fn write_flames(report: &Results) -> anyhow::Result<()> {
    let folder = report.folder.join(lab_analysis::profile::FOLDER);
    flames(report).into_iter().try_for_each(|(file, svg)| file::replace(&folder.join(file), svg.as_bytes()))
}

/// Opens a file in whatever the desktop opens it with. Waits for nothing.
pub(crate) fn open(path: &Path) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = || Stdio::null();
    let started = Command::new(opener).arg(path).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    if let Err(error) = started {
        let why = if error.kind() == io::ErrorKind::NotFound { "is not there".into() } else { error.to_string() };
        exit::say(&format!("{opener} {why}: open {} in a browser", path.display()));
    }
}

/// Where the page is to go and what is to be reported, given what was typed: a folder behind `--html` is a recording if
/// none was named, and else the place for the page.
pub(crate) fn wanted(html: &Option<Option<PathBuf>>, run: &Option<PathBuf>) -> (Option<PathBuf>, Option<PathBuf>) {
    match (html.clone().flatten(), run.clone()) {
        (Some(recording), None) if recording.is_dir() || is_packed(&recording) => (None, Some(recording)),
        (Some(folder), run) if folder.is_dir() => (Some(folder.join(FILE)), run),
        (file, run) => (file, run),
    }
}

fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == pack::EXTENSION) && path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_packed_recording_lies_outside_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let packed = folder.path().join("greedy.lab");
        std::fs::write(&packed, "").unwrap();
        assert_eq!(default_place(&packed), Path::new("greedy.html"));
        assert_eq!(default_place(&packed.join("01-buggy")), Path::new("greedy-01-buggy.html"));
        assert_eq!(default_place(folder.path()), folder.path().join(FILE));
        assert_eq!(wanted(&Some(Some(packed.clone())), &None), (None, Some(packed)), "a recording is not written over");
    }

    #[test]
    fn a_folder_is_what_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let (here, file) = (folder.path().to_owned(), folder.path().join("x.html"));
        assert_eq!(wanted(&Some(Some(here.clone())), &None), (None, Some(here.clone())));
        assert_eq!(wanted(&Some(Some(here.clone())), &Some("run".into())), (Some(here.join(FILE)), Some("run".into())));
        assert_eq!(wanted(&Some(Some(file.clone())), &None), (Some(file), None));
        assert_eq!(wanted(&Some(None), &Some("run".into())), (None, Some("run".into())));
    }
}
