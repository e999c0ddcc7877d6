//! Scratch files of runs whose lab was killed before it could remove them.

use crate::engine::recordings::{folders_in, invocations, is_running};
use lab_recording::folder::{is_recording, remove_scratch};
use std::path::{Path, PathBuf};

/// Removes scratch files of runs whose lab was killed before it could.
pub(crate) fn remove_abandoned_scratch(out: &Path) {
    // out / invocation / run, and one folder deeper where lab verify or a sweep made several.
    const DEEPEST: usize = 3;
    let abandoned = invocations(out).into_iter().filter(|entry| !is_running(entry));
    let mut folders: Vec<(PathBuf, usize)> = abandoned.map(|entry| (entry.path(), 1)).collect();
    while let Some((folder, depth)) = folders.pop() {
        if is_recording(&folder) {
            remove_scratch(&folder);
        }
        if depth < DEEPEST {
            folders.extend(folders_in(&folder).into_iter().map(|entry| (entry.path(), depth + 1)));
        }
    }
}
