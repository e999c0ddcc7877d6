//! The report as a page: written whole or not at all, and opened if that is asked for.

use crate::exit;
use crate::report::{flames, page};
use anyhow::Context;
use lab_analysis::results::Results;
use lab_recording::{file, pack};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the page is called in the folder of its recording.
pub(crate) const FILE: &str = "report.html";

/// Writes the page.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write(report: &Results, path: &Path) -> anyhow::Result<()> {
    write_whole(path, page(report)?.as_bytes())
}

/// Writes the page that was asked for, and returns its path. A failure is printed; the text of the
/// report stands.
pub(crate) fn write_asked(report: &Results, path: PathBuf) -> Option<PathBuf> {
    match write(report, &path) {
        Ok(()) => Some(path),
        Err(error) => {
            exit::say(&format!("cannot write the page: {error:#}: try another --html FILE"));
            None
        }
    }
}

/// Writes the page and the flame graphs of what was just recorded, if there is a profile or a
/// comparison to draw. Nobody asked for them, so a failure is a warning.
pub(crate) fn write_all(report: &Results) -> Option<PathBuf> {
    if let Err(error) = write_flames(report) {
        exit::say(&format!("warning: cannot write all flame graphs: {error:#}"));
    }
    if report.profiles.is_empty() && report.comparison.is_none() {
        return None;
    }
    let path = report.folder.join(FILE);
    let written = write(report, &path);
    if let Err(error) = &written {
        exit::say(&format!(
            "warning: cannot write the page: {error:#}: try lab report --html FILE"
        ));
    }
    written.is_ok().then_some(path)
}

fn write_flames(report: &Results) -> anyhow::Result<()> {
    let folder = report.folder.join(lab_analysis::profile::FOLDER);
    flames(report)
        .into_iter()
        .try_for_each(|(file, svg)| write_whole(&folder.join(file), svg.as_bytes()))
}

/// Replaces a file as a whole, and makes its folder if there is none yet.
fn write_whole(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    file::replace(path, text)
}

/// Opens a page in the browser of the desktop, or prints its address where there is none. Waits for
/// nothing.
pub(crate) fn open(path: &Path) {
    let address = file_address(path);
    let started = has_display(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
        && start_browser(path);
    if !started {
        exit::say(&format!("no display: open {address} in a browser"));
    }
}

/// Whether a window can be shown. A desktop on macOS needs no variable for that.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(is_set)
}

fn start_browser(path: &Path) -> bool {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    // A relative path may begin with `-`, and would be an option of the program.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

/// The address of a file, as a browser takes it: absolute, and percent-encoded but for what RFC
/// 3986 calls unreserved.
fn file_address(path: &Path) -> String {
    let absolute = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    let absolute = absolute.unwrap_or_else(|_| path.to_owned());
    let mut address = String::from("file://");
    for byte in absolute.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                address.push(char::from(*byte));
            }
            // Writing to a String cannot fail.
            other => drop(write!(address, "%{other:02X}")),
        }
    }
    address
}

/// Where the page is to go and what is to be reported, given what was typed: a folder behind
/// `--html` is a recording if none was named, and else the place for the page.
pub(crate) fn wanted(
    html: &Option<Option<PathBuf>>,
    run: &Option<PathBuf>,
) -> (Option<PathBuf>, Option<PathBuf>) {
    match (html.clone().flatten(), run.clone()) {
        (Some(recording), None) if recording.is_dir() || is_packed(&recording) => {
            (None, Some(recording))
        }
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
        assert_eq!(
            wanted(&Some(Some(packed.clone())), &None),
            (None, Some(packed)),
            "a recording is not written over"
        );
    }

    #[test]
    fn an_address_is_absolute_and_encoded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a report #1 ü%.html");
        fs::write(&path, "").unwrap();
        let address = file_address(&path);
        assert!(address.starts_with("file:///"), "{address}");
        assert!(address.ends_with("/a%20report%20%231%20%C3%BC%25.html"), "{address}");
        assert!(file_address(Path::new("missing.html")).ends_with("/missing.html"));
    }

    #[test]
    fn a_display_is_either_of_two() {
        assert!(
            has_display(|name| name == "DISPLAY") && has_display(|name| name == "WAYLAND_DISPLAY")
        );
        assert_eq!(has_display(|_| false), cfg!(target_os = "macos"));
    }

    #[test]
    fn a_folder_is_what_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let (here, file) = (folder.path().to_owned(), folder.path().join("x.html"));
        assert_eq!(wanted(&Some(Some(here.clone())), &None), (None, Some(here.clone())));
        assert_eq!(
            wanted(&Some(Some(here.clone())), &Some("run".into())),
            (Some(here.join(FILE)), Some("run".into()))
        );
        assert_eq!(wanted(&Some(Some(file.clone())), &None), (Some(file), None));
        assert_eq!(wanted(&Some(None), &Some("run".into())), (None, Some("run".into())));
    }
}
