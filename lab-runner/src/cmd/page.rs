//! The report as a page: written whole or not at all, and opened if that is asked for. A report stands without it, so a
//! full disk or a folder that nobody may write into is told and changes nothing else.

use crate::exit;
use crate::report::{flames, page};
use anyhow::Context;
use lab_analysis::results::Results;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the page is called in the folder of its recording.
pub(crate) const FILE: &str = "report.html";

/// Writes the page, into the recording if nothing else is said, and returns where it is; none if it could not be written.
pub(crate) fn write(report: &Results, to: Option<&Path>) -> Option<PathBuf> {
    let path = to.map_or_else(|| report.folder.join(FILE), Path::to_owned);
    match page(report).and_then(|page| write_whole(&path, page.as_bytes())) {
        Ok(()) => Some(path),
        Err(error) => {
            exit::say(&format!("warning: the page could not be written: {error:#}: try --html FILE"));
            None
        }
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
    flames(report).into_iter().try_for_each(|(file, svg)| write_whole(&folder.join(file), svg.as_bytes()))
}

/// Writes a file beside its place and moves it there, so that nobody ever finds half of it.
fn write_whole(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().with_context(|| format!("{} is no name of a file", path.display()))?;
    let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written =
        File::create_new(&beside).and_then(|mut file| file.write_all(text)).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| drop(fs::remove_file(&beside))).with_context(|| format!("cannot write {}", path.display()))
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
        (Some(folder), None) if folder.is_dir() => (None, Some(folder)),
        (Some(folder), run) if folder.is_dir() => (Some(folder.join(FILE)), run),
        (file, run) => (file, run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let nowhere = folder.path().join("none/report.html");
        assert!(write_whole(&nowhere, b"three").unwrap_err().to_string().starts_with("cannot write"));
        fs::create_dir(folder.path().join("taken")).unwrap();
        assert!(write_whole(&folder.path().join("taken"), b"four").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside");
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
