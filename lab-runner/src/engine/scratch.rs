//! Scratch files of runs whose lab was killed before it could remove them.

use crate::engine::recordings::{folders_in, invocations, is_alive};
use lab_recording::folder::{SCRATCH, read_spec, remove_scratch};
use std::path::{Path, PathBuf};

/// Removes scratch files of runs whose lab was killed before it could.
pub(crate) fn remove_abandoned_scratch(out: &Path) {
    // out / invocation / run, and one folder deeper where lab verify or a sweep made several.
    const DEEPEST: usize = 3;
    let mut folders: Vec<(PathBuf, usize)> =
        invocations(out).into_iter().map(|entry| (entry.path(), 1)).collect();
    while let Some((folder, depth)) = folders.pop() {
        let abandoned = read_spec(&folder).is_ok_and(|spec| !is_alive(spec.parent));
        if folder.join(SCRATCH).is_dir() && abandoned {
            remove_scratch(&folder);
        }
        if depth < DEEPEST {
            folders.extend(folders_in(&folder).into_iter().map(|entry| (entry.path(), depth + 1)));
        }
    }
}
