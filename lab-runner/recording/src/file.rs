//! Atomic replacement of files: a process may be killed at any moment, and a disk may be full.

use crate::plain_file;
use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Replaces a file, or leaves the old one unchanged.
///
/// # Errors
/// If the file cannot be written. Nothing half-written stays behind, unless the process is killed.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    replace_with(path, |file| Ok(file.write_all(bytes)?))
}

/// Like [`replace`], for a file that `write` writes piece by piece. Returns the value of `write`.
///
/// # Errors
/// If the file cannot be written, or the error of `write`.
pub fn replace_with<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let written = new_file_beside(path).map_err(anyhow::Error::from).and_then(|mut new| {
        let value = write(new.as_file_mut())?;
        new.persist(path).map_err(|error| error.error)?;
        Ok(value)
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// What a file is called until it is whole: `.lab-1a2b3c.new`.
const PREFIX: &str = ".lab-";
const SUFFIX: &str = ".new";

/// Whether this is the name of a file that was never finished.
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// A hidden file in the same folder, with the permissions that any new file has.
fn new_file_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).permissions(Permissions::from_mode(0o666));
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

/// Reads a JSON file that a profiler wrote with [`replace`].
///
/// # Errors
/// If the file is missing, because the run was killed too early, or if it is damaged.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let bytes = match plain_file::read(path, plain_file::DOCUMENT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("the run was killed before its profile was written: try a longer one")
        }
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is damaged: repeat the run", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_missing_one_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.json");
        let error = read::<Vec<u64>>(&path).unwrap_err();
        assert!(error.to_string().contains("killed before"), "{error}");
        replace(&path, b"[1]").unwrap();
        replace(&path, b"[2]").unwrap();
        assert_eq!(read::<Vec<u64>>(&path).unwrap(), [2]);
        replace(&path, b"[").unwrap();
        assert!(read::<Vec<u64>>(&path).unwrap_err().to_string().contains("damaged"));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&plain), "the permissions are those of any new file");
    }

    #[test]
    fn a_failed_write_leaves_nothing_and_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        replace(&path, b"old").unwrap();
        let error = replace_with::<()>(&path, |file| {
            file.write_all(b"half")?;
            anyhow::bail!("the disk is full")
        });
        let error = format!("{:#}", error.unwrap_err());
        assert_eq!(error, format!("cannot write {}: the disk is full", path.display()));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        std::fs::create_dir(folder.path().join("taken")).unwrap();
        for nowhere in ["none/page.html", "taken"] {
            assert!(
                replace(&folder.path().join(nowhere), b"x")
                    .unwrap_err()
                    .to_string()
                    .starts_with("cannot write")
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside");
    }
}
