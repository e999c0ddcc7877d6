//! Recordings in the formats of other tools. Pure but for the files that it writes.

mod hlog;
pub mod perfetto;
mod recorded;
mod stacks;

pub use hlog::hlog;
pub(crate) use recorded::traces;
pub use stacks::{folded, pprof};

use anyhow::Context;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file of another tool's format.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// Its name, made of what it is about: `buggy-stall-off-cpu.ns.folded`.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Gives each file a name of its own: of several views of one name the second is `…-2`.
fn distinct(files: Vec<Exported>) -> Vec<Exported> {
    let mut taken = BTreeSet::new();
    let renamed = files.into_iter().map(|file| {
        let (stem, extension) = file.name.split_once('.').unwrap_or((&file.name, ""));
        let numbered = (2..).map(|number| format!("{stem}-{number}.{extension}"));
        let mut names = std::iter::once(file.name.clone()).chain(numbered);
        // Endless, so there is one.
        let name = names.find(|name| taken.insert(name.clone())).unwrap_or_default();
        Exported { name, ..file }
    });
    renamed.collect()
}

/// Writes the files into a folder, each whole or not at all, and returns their paths.
///
/// # Errors
/// If one of them cannot be written; those before it stay.
pub fn write(files: &[Exported], into: &Path) -> anyhow::Result<Vec<PathBuf>> {
    files.iter().map(|file| put(&file.name, into, |to| Ok(to.write_all(&file.bytes)?))).collect()
}

/// Writes a file into a folder as it comes, whole or not at all: what is larger than memory has no
/// [`Exported`].
fn put(
    name: &str,
    into: &Path,
    fill: impl FnOnce(&mut File) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    let path = into.join(name);
    lab_recording::file::replace_with(&path, fill).map(|()| path)
}

/// A text as a part of a file's name, whatever it was.
fn file_name(text: &str) -> String {
    let kept =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let joined: String = kept.collect();
    joined.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_one_name_have_a_file_each() {
        let file = |name: &str| Exported { name: name.into(), bytes: Vec::new() };
        let files = ["a.ns.folded", "b.ns.folded", "a.ns.folded", "a.ns.folded"].map(file);
        let names: Vec<String> = distinct(files.into()).into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["a.ns.folded", "b.ns.folded", "a-2.ns.folded", "a-3.ns.folded"]);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(file_name("stall off-CPU"), "stall-off-cpu");
        assert_eq!(file_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(file_name("rate=100,duration=1s"), "rate-100-duration-1s");
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = Exported { name: "a.folded".into(), bytes: b"a 1\n".to_vec() };
        let into = folder.path().join("new");
        assert_eq!(write(std::slice::from_ref(&file), &into).unwrap(), [into.join("a.folded")]);
        assert_eq!(fs::read(into.join("a.folded")).unwrap(), b"a 1\n");
        fs::create_dir(into.join("b.folded")).unwrap();
        let refused = write(&[Exported { name: "b.folded".into(), ..file }], &into);
        assert!(refused.unwrap_err().to_string().contains("cannot write"));
        assert_eq!(fs::read_dir(&into).unwrap().count(), 2, "nothing half-written is left");
    }
}
