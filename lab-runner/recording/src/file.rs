//! Files that are replaced as a whole: a process may be killed at any moment.

use anyhow::Context;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Puts a file in the place of an older one, or leaves that as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let done = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, path));
    done.with_context(|| format!("cannot write {}: free some room or try another --out", path.display()))
}

/// Reads such a file.
///
/// # Errors
/// If there is none.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let bytes = std::fs::read(path).context("the run was killed before its profile was written: try a longer one")?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged: repeat the run", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_missing_one_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.json");
        let error = read::<Vec<u64>>(&path).unwrap_err();
        assert!(error.to_string().contains("killed before"), "{error}");
        replace(&path, b"[1]").unwrap();
        replace(&path, b"[2]").unwrap();
        assert_eq!(read::<Vec<u64>>(&path).unwrap(), [2]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        replace(&path, b"[").unwrap();
        assert!(read::<Vec<u64>>(&path).unwrap_err().to_string().contains("damaged"));
    }
}
