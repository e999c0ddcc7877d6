//! Checksums of everything in a pack that is not the learner's: manifest, service code, starters,
//! solutions, traps. A goal that was met by a change of the checker proves nothing.

use crate::cmd::exercise::pack::{MANIFEST, Pack};
use crate::exit::UsageError;
use anyhow::Context;
use lab_recording::folder::checksum_of;
use lab_recording::{file, plain_file};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The file of the checksums.
pub(crate) const FILE: &str = "sealed.txt";

/// What is sealed, beside the manifest: folders with Rust files. `src/bin` is the learner's.
const FOLDERS: [&str; 4] = ["src", "starters", "solutions", "traps"];

/// Writes the checksums: done by whoever changes an exercise.
pub(crate) fn write(pack: &Pack) -> anyhow::Result<()> {
    let sums = sums(pack)?;
    let lines = sums.iter().map(|(file, sum)| format!("{sum:016x} {file}\n"));
    file::replace(&pack.folder.join(FILE), lines.collect::<String>().as_bytes())
}

/// Rejects a pack whose files are not as they were sealed. A pack without checksums is not checked:
/// its exercises are being written.
pub(crate) fn check(pack: &Pack) -> anyhow::Result<()> {
    let path = pack.folder.join(FILE);
    if !path.exists() {
        return Ok(());
    }
    let text = plain_file::read(&path, plain_file::DOCUMENT)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let sealed: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(sum, file)| (file, sum))
        .collect();
    let now = sums(pack)?;
    let changed = now.iter().find(|(file, sum)| {
        sealed.get(file.as_str()).is_none_or(|sealed| *sealed != format!("{sum:016x}"))
    });
    let gone = sealed.keys().find(|file| !now.contains_key(**file));
    let Some(name) = changed.map(|(file, _)| file.as_str()).or(gone.copied()) else {
        return Ok(());
    };
    let shown = pack.folder.join(name);
    Err(UsageError::error(format!(
        "{} is not as it was shipped, and a goal that is met then proves nothing: restore it with \
         git checkout, or run lab exercise seal if you are writing the exercise",
        shown.display()
    )))
}

fn sums(pack: &Pack) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut files = vec![pack.folder.join(MANIFEST)];
    for folder in FOLDERS {
        collect(&pack.folder.join(folder), &mut files);
    }
    let mut sums = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(&pack.folder).unwrap_or(&file).display().to_string();
        let bytes = plain_file::read(&file, plain_file::DOCUMENT)
            .with_context(|| format!("cannot read {}", file.display()))?;
        sums.insert(name, checksum_of(&bytes));
    }
    Ok(sums)
}

/// The Rust files of a folder and those below it, but for the learner's.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("src/bin") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::exercise::pack::tests::{SMALL, pack};

    #[test]
    fn only_the_learners_file_may_change() {
        let (folder, pack) = pack(SMALL);
        let pack = pack.unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for name in ["src/lib.rs", "src/bin/slow-quotes.rs", "starters/slow-quotes.rs"] {
            put(name, "// as it was");
        }
        assert!(check(&pack).is_ok(), "it is being written");
        write(&pack).unwrap();
        put("src/bin/slow-quotes.rs", "// a try");
        assert!(check(&pack).is_ok());
        put("traps/slow-quotes/new.rs", "// added");
        assert!(check(&pack).unwrap_err().to_string().contains("new.rs is not as it was"));
        fs::remove_dir_all(folder.path().join("traps")).unwrap();
        put("src/lib.rs", "// easier");
        assert!(check(&pack).unwrap_err().to_string().contains("src/lib.rs"));
        put("src/lib.rs", "// as it was");
        fs::write(folder.path().join(MANIFEST), SMALL.replace("0.1", "0.9")).unwrap();
        assert!(check(&pack).unwrap_err().to_string().contains(MANIFEST));
        fs::write(folder.path().join(MANIFEST), SMALL).unwrap();
        fs::remove_file(folder.path().join("starters/slow-quotes.rs")).unwrap();
        assert!(check(&pack).unwrap_err().to_string().contains("starters/slow-quotes.rs"));
    }
}
