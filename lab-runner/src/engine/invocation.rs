//! The folder of one command's recordings: made by it, and held by it until it ends.
//!
//! A lock on the folder says that its lab runs, whatever namespace of processes it runs in: two
//! containers that share a folder of recordings have processes with the same number.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How many labs may begin the same scenario in one second with the same number.
const MOST_NAMESAKES: u32 = 1_000;

/// Makes the folder `greedy-20260301T093000Z-1234` in `out` and holds it until this process ends.
/// Another number is taken if there is such a folder: it is another lab's.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make(out: &Path, name: &str, process: u32) -> io::Result<PathBuf> {
    std::fs::create_dir_all(out)?;
    let mut error = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in process..process.saturating_add(MOST_NAMESAKES) {
        let folder = out.join(format!("{name}-{number}"));
        // Nobody else may plant or change what is read from it later.
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => {
                hold(&folder);
                return Ok(folder);
            }
            Err(other) if other.kind() == io::ErrorKind::AlreadyExists => error = other,
            Err(other) => return Err(other),
        }
    }
    Err(error)
}

/// Locks a folder until this process ends. A file system without locks is no reason not to record.
fn hold(folder: &Path) {
    if let Ok(open) = File::open(folder)
        && flock(&open, FlockOperation::NonBlockingLockExclusive).is_ok()
    {
        // Never closed: the kernel gives the lock back when the process ends, however it ends.
        let _ = open.into_raw_fd();
    }
}

/// Whether a lab that still runs holds a folder; nothing if its file system cannot say.
pub(crate) fn is_held(folder: &Path) -> Option<bool> {
    let open = File::open(folder).ok()?;
    match flock(&open, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Some(false),
        Err(Errno::WOULDBLOCK) => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namesake_gets_another_number_and_what_is_held_is_known() {
        let out = tempfile::tempdir().unwrap();
        let first = make(out.path(), "greedy-20260301T093000Z", 7).unwrap();
        std::fs::write(first.join("kept"), "").unwrap();
        let second = make(out.path(), "greedy-20260301T093000Z", 7).unwrap();
        assert_eq!(second.file_name().unwrap(), "greedy-20260301T093000Z-8");
        assert!(first.join("kept").exists(), "the other lab's is left alone");
        assert_eq!([is_held(&first), is_held(&second)], [Some(true); 2]);
        let left = out.path().join("greedy-20260301T093000Z-9");
        std::fs::create_dir(&left).unwrap();
        assert_eq!(is_held(&left), Some(false));
        assert_eq!(is_held(&out.path().join("none")), None);
    }
}
