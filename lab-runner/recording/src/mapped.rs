//! A file that is mapped into memory to be read, and parts of it.
//!
//! The debug information of a binary is larger than everything that a run leaves, and naming a
//! stack needs little of it. Of a mapped file only the pages that are read take memory, and the
//! kernel can take them back.

use crate::plain_file;
use memmap2::Mmap;
use stable_deref_trait::{CloneStableDeref, StableDeref};
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

/// Bytes that all parts of a file share.
#[derive(Debug)]
enum Bytes {
    File(Mmap),
    Memory(Box<[u8]>),
}

/// A part of a file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mapped {
    bytes: Arc<Bytes>,
    range: Range<usize>,
}

impl Mapped {
    /// Maps a plain file of at most so many bytes.
    ///
    /// # Errors
    /// If it cannot be opened, is not a plain file, is larger, or cannot be mapped.
    pub fn open(path: &Path, most: u64) -> io::Result<Mapped> {
        let file = plain_file::open(path, most)?;
        let map = map(&file)?;
        Ok(Mapped { range: 0..map.len(), bytes: Arc::new(Bytes::File(map)) })
    }

    /// A part of this part; none if it is not inside.
    pub fn part(&self, range: Range<usize>) -> Option<Mapped> {
        let is_inside = range.start <= range.end && range.end <= self.range.len();
        let range = self.range.start + range.start..self.range.start.checked_add(range.end)?;
        is_inside.then(|| Mapped { bytes: Arc::clone(&self.bytes), range })
    }
}

impl From<Vec<u8>> for Mapped {
    /// Bytes in memory, for a part that is not in the file as it is read: a compressed one.
    fn from(bytes: Vec<u8>) -> Mapped {
        let bytes = bytes.into_boxed_slice();
        Mapped { range: 0..bytes.len(), bytes: Arc::new(Bytes::Memory(bytes)) }
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all = match &*self.bytes {
            Bytes::File(map) => &map[..],
            Bytes::Memory(bytes) => bytes,
        };
        &all[self.range.clone()]
    }
}

#[expect(unsafe_code, reason = "a reader of debug information keeps pointers into the bytes")]
// SAFETY: the bytes lie behind an `Arc` and are never changed; a clone shares them. So they stay
// where they are as long as one of the clones lives.
unsafe impl StableDeref for Mapped {}

#[expect(unsafe_code, reason = "a reader of debug information keeps pointers into the bytes")]
// SAFETY: as above: all clones point to the same bytes.
unsafe impl CloneStableDeref for Mapped {}

#[expect(unsafe_code, reason = "mapping a file is unsafe because someone else could truncate it")]
fn map(file: &std::fs::File) -> io::Result<Mmap> {
    // SAFETY: binaries and libraries are replaced by new files when they are built or installed,
    // not written over: the kernel refuses that while they run. Who truncates one all the same ends
    // the lab with SIGBUS, after the run was recorded.
    unsafe { Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_file_are_what_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let all = Mapped::open(&path, 10).unwrap();
        let part = all.part(2..6).unwrap();
        assert_eq!((&all[..], &part[..]), (&b"0123456789"[..], &b"2345"[..]));
        assert_eq!(&part.part(1..4).unwrap()[..], b"345");
        assert!(part.part(1..5).is_none() && all.part(3..11).is_none());
        #[expect(clippy::reversed_empty_ranges, reason = "what a damaged file may say")]
        let reversed = all.part(4..2);
        assert!(reversed.is_none());
        assert!(Mapped::open(&path, 9).is_err() && Mapped::open(folder.path(), 99).is_err());
        assert_eq!(&Mapped::from(vec![1, 2, 3]).part(1..2).unwrap()[..], [2]);
        drop(all);
        assert_eq!(&part[..], b"2345", "a part keeps the whole");
    }
}
