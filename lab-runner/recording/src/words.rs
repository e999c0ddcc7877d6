//! A file of 64-bit words that is mapped into memory.
//!
//! Stored words survive a panic, `kill -9` and a hang, as long as the host does not crash. A store
//! needs no system call, no lock, and no buffer that has to be flushed. The disk blocks are
//! reserved when the file is made, so that a store cannot raise SIGBUS when the disk is full. On a
//! copy-on-write file system, btrfs or zfs, it still may.

use memmap2::MmapMut;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// Zeroed words, mapped from a file.
#[derive(Debug)]
pub struct Words {
    map: MmapMut,
    count: usize,
}

impl Words {
    /// Makes the file, reserves its blocks and maps it.
    ///
    /// # Errors
    /// If the file exists, cannot be made, or the disk has no room for it.
    pub fn create(path: &Path, count: usize) -> io::Result<Words> {
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        reserve(&mut file, count as u64 * 8)?;
        Ok(Words { map: map(&file)?, count })
    }

    /// All words, in file order.
    #[expect(
        unsafe_code,
        reason = "a memory map is bytes; the words in it are shared with the reader of the file"
    )]
    pub fn as_slice(&self) -> &[AtomicU64] {
        // SAFETY: the map is page-aligned, at least `count` words long (`create` sized the file)
        // and lives as long as `self`. Every bit pattern is a valid `AtomicU64`, which has the
        // layout of `u64`. The bytes are never touched but through this slice, so no plain access
        // races with an atomic one.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast::<AtomicU64>(), self.count) }
    }
}

/// Reserves blocks, or writes zeros where the file system cannot reserve.
fn reserve(file: &mut File, bytes: u64) -> io::Result<()> {
    match fallocate(&*file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            let zeros = [0u8; 1 << 16];
            let mut left = bytes as usize;
            while left > 0 {
                let count = left.min(zeros.len());
                file.write_all(&zeros[..count])?;
                left -= count;
            }
            Ok(())
        }
        Err(errno) => Err(errno.into()),
    }
}

#[expect(unsafe_code, reason = "mapping a file is unsafe because someone else could truncate it")]
fn map(file: &File) -> io::Result<MmapMut> {
    // SAFETY: the file was just made by this process (`create_new`) inside its own recording
    // folder; nothing in the lab truncates a recording.
    unsafe { MmapMut::map_mut(file) }
}
