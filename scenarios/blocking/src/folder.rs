//! `--files`: a folder of real files instead of named pipes.

use anyhow::{Context, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

const NEXT: &str = "try a folder of text files";

/// The regular files of a folder, sorted by name. Reads each of them, so that a file that cannot be
/// indexed is an error before the run.
///
/// # Errors
/// If the folder cannot be read, has no file, or has a file that cannot be read, is too large or is
/// not UTF-8.
pub fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder '{shown}': {NEXT}"))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(|| format!("cannot list the folder '{shown}': {NEXT}"))?;
    files.retain(|path| path.is_file());
    ensure!(!files.is_empty(), "there is no file in '{shown}': {NEXT}");
    files.sort();
    for file in &files {
        check_file(file)?;
    }
    Ok(files)
}

/// Bytes of the largest file that is accepted, as for a generated document.
const LARGEST: u64 = 64 << 20;

fn check_file(file: &Path) -> anyhow::Result<()> {
    let bytes = fs::metadata(file).map_or(0, |metadata| metadata.len());
    ensure!(bytes <= LARGEST, "'{}' is larger than 64 MiB: try smaller files", file.display());
    match fs::read_to_string(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            bail!("'{}' is not UTF-8 text: {NEXT}", file.display())
        }
        Err(error) => bail!("cannot read '{}': {error}: {NEXT}", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_files_are_taken_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        for name in ["b.txt", "a.txt"] {
            fs::write(folder.path().join(name), "words").unwrap();
        }
        assert_eq!(
            files(folder.path()).unwrap(),
            ["a.txt", "b.txt"].map(|name| folder.path().join(name))
        );
    }

    #[test]
    fn a_folder_without_text_is_refused_with_a_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = || format!("{:#}", files(folder.path()).unwrap_err());
        assert!(refusal().contains("there is no file in"), "{}", refusal());
        fs::write(folder.path().join("picture"), [0xFF, 0xD8, 0xFF]).unwrap();
        assert!(refusal().contains("picture' is not UTF-8 text"), "{}", refusal());
        assert!(files(&folder.path().join("missing")).is_err());
        assert!(files(&folder.path().join("picture")).is_err(), "a file is not a folder");
    }
}
