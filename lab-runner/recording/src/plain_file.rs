//! The one way to open a file that someone else may have made: a file of a recording, or one that
//! the command line names.
//!
//! A recording comes from anywhere. A pipe in the place of a file would let its reader wait for
//! ever, `/dev/zero` would fill the memory, and a sparse file claims more bytes than the disk has.
//! So only a plain file is opened, without waiting for it, and only up to a size that a file of its
//! kind can have.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The largest head of a recording in bytes: `spec.json`, `outcome.json`, `end.json`.
pub const HEAD: u64 = 1 << 20;
/// The largest document in bytes: what a profiler saw once it is added up, a thread dump, stacks.
pub const DOCUMENT: u64 = 64 << 20;
/// The largest log in bytes: requests, and events of a profiler.
pub const LOG: u64 = 2 << 30;

/// Opens a plain file of at most so many bytes.
///
/// # Errors
/// If it cannot be opened, is not a plain file, or is larger.
pub fn open(path: &Path, most: u64) -> io::Result<File> {
    // Opening a pipe waits for its other end but for this flag, which a plain file ignores.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(refused("is not a plain file".into()));
    }
    if metadata.len() > most {
        return Err(too_large(most));
    }
    Ok(file)
}

/// Reads a plain file of at most so many bytes.
///
/// # Errors
/// If it cannot be read, is not a plain file, or is larger.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path, most)?;
    let mut bytes = Vec::with_capacity(file.metadata()?.len() as usize);
    // A file of `/proc` says that it is empty, and any file may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// Reads a plain file of UTF-8 text of at most so many bytes.
///
/// # Errors
/// If it cannot be read, is not a plain file, is larger, or is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| refused("is not UTF-8 text".into()))
}

fn too_large(most: u64) -> io::Error {
    let limit =
        if most >= 1 << 30 { format!("{} GiB", most >> 30) } else { format!("{} MiB", most >> 20) };
    refused(format!("is larger than {limit}, the most that such a file has"))
}

fn refused(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    fn error(path: &Path) -> String {
        let [opened, read] = [open(path, 1 << 20).err(), read(path, 1 << 20).err()];
        let [opened, read] = [opened, read].map(|error| error.unwrap().to_string());
        assert_eq!(opened, read);
        opened
    }

    #[test]
    fn a_plain_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.json");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(
            (read(&path, 2).unwrap(), read_text(&path, 2).unwrap()),
            (b"{}".into(), "{}".into())
        );
        assert_eq!(read(&path, 1).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_text(&path, 2).unwrap_err().to_string(), "is not UTF-8 text");
    }

    #[test]
    fn what_is_no_plain_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, link, sparse] = ["pipe", "link", "sparse"].map(|name| folder.path().join(name));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert_eq!(error(&pipe), "is not a plain file");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        assert_eq!(error(&link), "is not a plain file");
        assert_eq!(error(Path::new("/dev/zero")), "is not a plain file");
        assert_eq!(error(folder.path()), "is a directory");
        File::create(&sparse).unwrap().set_len(5 << 30).unwrap();
        assert_eq!(error(&sparse), "is larger than 1 MiB, the most that such a file has");
    }

    #[test]
    fn a_file_without_a_length_is_read_too() {
        // Files of /proc have a length of zero, and contents.
        assert!(!read(Path::new("/proc/self/maps"), 1 << 20).unwrap().is_empty());
    }
}
