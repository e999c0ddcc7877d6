//! Scratch files of runs whose lab was killed before it could remove them.

use lab_recording::folder::{SCRATCH, read_spec, remove_scratch};
use std::fs;
use std::path::{Path, PathBuf};

/// Removes scratch files of runs whose lab was killed before it could.
pub(crate) fn remove_abandoned_scratch(out: &Path) {
    // out / invocation / run, and one folder deeper where lab verify or a sweep made several.
    const DEEPEST: usize = 3;
    // Only what an invocation is called like is looked into, and no link is followed: --out may be anybody's folder.
    let is_invocation = |name: &str| name.rsplit_once("Z-").is_some_and(|(_, process)| process.parse::<u32>().is_ok());
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).collect::<Vec<_>>()
    };
    let ours = below(out).into_iter().filter(|entry| entry.file_name().to_str().is_some_and(is_invocation));
    let mut folders: Vec<(PathBuf, usize)> = ours.map(|entry| (entry.path(), 1)).collect();
    while let Some((folder, depth)) = folders.pop() {
        if folder.join(SCRATCH).is_dir() && read_spec(&folder).is_ok_and(|spec| !is_alive(spec.parent)) {
            remove_scratch(&folder);
        }
        if depth < DEEPEST {
            folders.extend(below(&folder).into_iter().map(|entry| (entry.path(), depth + 1)));
        }
    }
}

fn is_alive(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}
