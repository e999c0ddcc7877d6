//! Appends to `stall.bin`. After an error it appends no more: records after an incomplete one could
//! not be read.

use lab_kit::clock;
use lab_recording::stall::format::{
    COUNTS_WORDS, Counts, FILE_LIMIT, Head, MAGIC, VERSION, kind, stamp,
};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes of the last record, which samples leave free.
const LAST: u64 = (1 + COUNTS_WORDS as u64) * 8;

/// The file, with the data that is not yet written.
pub struct Writer {
    file: File,
    buffer: Vec<u8>,
    buffered: u64,
    left: u64,
    /// Number of records that were not written.
    pub lost: u64,
    /// The reason why no more data is appended.
    pub trouble: Option<String>,
}

impl Writer {
    /// Makes the file and writes its header.
    pub fn create(path: &Path, hz: u32, limit: u64) -> io::Result<Writer> {
        let mut file = File::create_new(path)?;
        let header = header(hz)?;
        file.write_all(&header)?;
        let left = limit.saturating_sub(header.len() as u64 + LAST);
        Ok(Writer { file, buffer: Vec::new(), buffered: 0, left, lost: 0, trouble: None })
    }

    /// Adds a record if there is room, or counts it as lost.
    pub fn append(&mut self, record: &[u64]) {
        let bytes = record.len() as u64 * 8;
        if self.trouble.is_some() || bytes > self.left {
            self.lost += 1;
            self.trouble.get_or_insert_with(|| {
                format!("its file reached the limit of {} MiB", FILE_LIMIT >> 20)
            });
            return;
        }
        self.left -= bytes;
        self.buffered += 1;
        self.buffer.extend(record.iter().flat_map(|word| word.to_le_bytes()));
    }

    /// Writes everything to the file. The kernel keeps it when this process is killed.
    pub fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if let Err(error) = self.file.write_all(&self.buffer) {
            self.lost += self.buffered;
            self.trouble = Some(error.to_string());
        }
        self.buffered = 0;
        self.buffer.clear();
    }

    /// Writes the last record, for which room was reserved.
    pub fn finish(&mut self, counts: &Counts) {
        self.flush();
        let head = Head { kind: kind::COUNTS, flags: 0, words: COUNTS_WORDS as u16 };
        let words = std::iter::once(head.to_word()).chain(counts.to_words());
        let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        if let Err(error) = self.file.write_all(&bytes) {
            self.trouble.get_or_insert_with(|| error.to_string());
        }
    }
}

fn header(hz: u32) -> io::Result<Vec<u8>> {
    let executable = std::env::current_exe()?;
    let (length, changed_ns) = stamp(&executable).unwrap_or_default();
    let path = executable.as_os_str().as_bytes();
    let maps = std::fs::read("/proc/self/maps")?;
    let sizes = [path.len() as u64, maps.len() as u64];
    let words =
        [MAGIC, VERSION, clock::now_ns(), u64::from(hz), length, changed_ns, sizes[0], sizes[1]];
    let mut header: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    for text in [path, &maps] {
        header.extend(text);
        header.resize(header.len().next_multiple_of(8), 0);
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::stall::format::SAMPLE_WORDS;
    use tempfile::TempDir;

    #[test]
    fn a_full_file_loses_samples_and_keeps_its_counts() {
        let path = TempDir::new().unwrap().keep().join("stall.bin");
        let mut writer = Writer::create(&path, 1_000, 0).unwrap();
        let record = [
            Head { kind: kind::SAMPLE, flags: 0, words: SAMPLE_WORDS as u16 }.to_word(),
            1,
            2,
            3,
            4,
            5,
            6,
        ];
        writer.left = 100;
        writer.append(&record);
        writer.append(&record);
        writer.append(&[1]);
        assert_eq!(writer.lost, 2, "a full file takes no record, even if it would fit");
        assert!(writer.trouble.as_ref().unwrap().contains("MiB"));
        let counts = Counts { ticks: 7, lost: writer.lost, ..Counts::default() };
        writer.finish(&counts);
        let recording = lab_recording::stall::read(&path).unwrap();
        assert_eq!(
            (recording.samples.len(), recording.counts, recording.cut),
            (1, Some(counts), false)
        );
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
