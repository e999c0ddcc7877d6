//! Opening of recordings: a folder is read in place, and a packed file from a temporary folder.

use super::unpack;
use anyhow::{Context, ensure};
use std::path::{Component, Path, PathBuf};
use tempfile::TempDir;

/// An open recording. Its drop removes the temporary folder of a packed one.
#[derive(Debug)]
pub struct Opened {
    folder: PathBuf,
    unpacked: Option<Unpacked>,
}

#[derive(Debug)]
struct Unpacked {
    /// The packed file.
    file: PathBuf,
    /// The recording's folder in the temporary one.
    root: PathBuf,
    /// Removed when reading is over.
    _temporary: TempDir,
}

/// A path into a packed file: `inside` is empty for the whole recording, and `01-buggy` for one run
/// of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedPath {
    /// The packed file.
    pub file: PathBuf,
    /// The folder in it.
    pub inside: PathBuf,
}

impl PackedPath {
    /// A name for files that are generated from it: `greedy`, `greedy-01-buggy`.
    pub fn name(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default();
        let parts = [stem].into_iter().chain(self.inside.iter());
        parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("-")
    }
}

/// The packed file in the path of a recording; none if the path contains no file.
pub fn packed_path(path: &Path) -> Option<PackedPath> {
    let file = path.ancestors().find(|part| part.is_file())?;
    let inside = path.strip_prefix(file).ok()?.to_owned();
    Some(PackedPath { file: file.to_owned(), inside })
}

/// Opens a recording: a folder, a packed file, or a folder in a packed file.
///
/// # Errors
/// If a file cannot be unpacked, or has no such folder. Its reader checks whether a folder is a
/// recording.
pub fn open(path: &Path) -> anyhow::Result<Opened> {
    let Some(PackedPath { file, inside }) = packed_path(path) else {
        return Ok(Opened { folder: path.to_owned(), unpacked: None });
    };
    let temporary = tempfile::Builder::new().prefix("lab-unpacked-").tempdir();
    let temporary =
        temporary.context("cannot make a temporary folder: set TMPDIR to one with room")?;
    let root = unpack(&file, temporary.path())?;
    let folder = root.join(&inside);
    let is_inside = inside.components().all(|part| matches!(part, Component::Normal(_)));
    ensure!(
        is_inside && folder.is_dir(),
        "there is no {} in {}: leave it away",
        inside.display(),
        file.display()
    );
    Ok(Opened { folder, unpacked: Some(Unpacked { file, root, _temporary: temporary }) })
}

impl Opened {
    /// The folder to read.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path to display for a path in that folder: as if the packed file were the folder.
    pub fn shown(&self, path: &Path) -> PathBuf {
        let inside = self
            .unpacked
            .as_ref()
            .and_then(|unpacked| Some((unpacked, path.strip_prefix(&unpacked.root).ok()?)));
        match inside {
            Some((unpacked, inside)) if inside.as_os_str().is_empty() => unpacked.file.clone(),
            Some((unpacked, inside)) => unpacked.file.join(inside),
            None => path.to_owned(),
        }
    }

    /// The inverse of [`Opened::shown`]: the path to read.
    pub fn read_at(&self, shown: &Path) -> PathBuf {
        let inside = self
            .unpacked
            .as_ref()
            .and_then(|unpacked| Some((unpacked, shown.strip_prefix(&unpacked.file).ok()?)));
        inside.map_or_else(|| shown.to_owned(), |(unpacked, inside)| unpacked.root.join(inside))
    }
}
