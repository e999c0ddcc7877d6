//! Reads the records of waits.

use super::format::{CAPACITY, HEADER_WORDS, MAGIC, VERSION, WORDS, at};
use super::record::Record;
use crate::plain_file;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::Path;

/// What a child recorded of waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Start of the recording, in nanoseconds of `CLOCK_MONOTONIC`: time zero of the records.
    pub start_ns: u64,
    /// Time at which the request log was closed, on the same clock; none if that was not reached.
    pub closed_ns: Option<u64>,
    /// The waits, in the order in which they ended.
    pub records: Vec<Record>,
    /// Waits for which there was no room.
    pub dropped: u64,
}

/// Reads the file.
///
/// # Errors
/// If it cannot be read, is no such file, or was written by a newer lab.
pub fn read(path: &Path) -> io::Result<Recording> {
    parse(&plain_file::read(path, plain_file::LOG)?)
}

/// Cuts a file off behind its last record: the child reserves room for many more.
///
/// # Errors
/// If it cannot be read, is no such file, or cannot be written.
pub fn shrink(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut header = [0; 8 * HEADER_WORDS];
    (&file).read_exact(&mut header)?;
    let word =
        |at: usize| header.as_chunks::<8>().0.get(at).map_or(0, |word| u64::from_le_bytes(*word));
    if word(at::MAGIC) != MAGIC {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "is no recording of waits"));
    }
    let records = word(at::DUE).min(CAPACITY as u64);
    file.set_len(8 * (HEADER_WORDS as u64 + WORDS as u64 * records))
}

/// Reads the records from the bytes of a file.
pub(super) fn parse(bytes: &[u8]) -> io::Result<Recording> {
    let words: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let Some((header, records)) = words.split_at_checked(HEADER_WORDS) else {
        return Err(invalid("is cut off in its header".into()));
    };
    match (header[at::MAGIC], header[at::VERSION]) {
        (MAGIC, VERSION) => {}
        (MAGIC, newer) => {
            return Err(invalid(format!("has format {newer}, this lab reads format {VERSION}")));
        }
        _ => return Err(invalid("is no recording of waits".into())),
    }
    let due = header[at::DUE];
    // One that was being written when the child was killed is left out.
    let records = records.as_chunks::<WORDS>().0.iter().take(due.min(CAPACITY as u64) as usize);
    let start_ns = header[at::START_NS];
    let closed_ns = Some(header[at::CLOSED_NS]).filter(|closed| *closed > 0);
    // What is woken later is woken by the end of the runtime, which drops all that waits.
    let end_ns = closed_ns.map_or(u64::MAX, |closed| closed.saturating_sub(start_ns));
    let records = records
        .filter_map(|words| Record::from_words(*words))
        .filter(|record| record.begin_ns + record.awaited_ns <= end_ns)
        .collect();
    Ok(Recording { start_ns, closed_ns, records, dropped: due.saturating_sub(CAPACITY as u64) })
}

#[cfg(test)]
mod tests {
    use super::super::{Future, Kind, Waker};
    use super::*;

    #[test]
    fn a_file_is_cut_off_behind_its_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("awaits.bin");
        let mut words = vec![MAGIC, VERSION, 1_000, 2, 0, 0, 0, 0];
        words.extend([0; 30]);
        let bytes: Vec<u8> = words.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
        std::fs::write(&path, &bytes).unwrap();
        shrink(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes[..8 * (8 + 6)]);
        std::fs::write(&path, [0; 64]).unwrap();
        assert!(shrink(&path).is_err(), "something else is left alone");
    }

    #[test]
    fn complete_records_are_read_and_the_rest_is_left_out() {
        let record = Record {
            kind: Kind::Woken,
            future: Future::Request(4),
            place: 2,
            leaf: 1,
            waker: Waker::Outside,
            waker_stack: 3,
            begin_ns: 10,
            awaited_ns: 20,
            runnable_ns: 30,
        };
        let mut words = vec![MAGIC, VERSION, 1_000, 3, 0, 0, 0, 0];
        words.extend(record.to_words().unwrap());
        words.extend([0, 7, 7]); // the first word is written last
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let read = parse(&bytes).unwrap();
        assert_eq!((read.start_ns, read.closed_ns, read.dropped), (1_000, None, 0));
        assert_eq!(read.records, [record]);
        let closed = |at_ns: u64| {
            words[super::at::CLOSED_NS] = at_ns;
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            parse(&bytes).unwrap().records.len()
        };
        let counts = [1_030, 1_029].map(closed);
        assert_eq!(counts, [1, 0], "what is woken after the end is left out");
        assert!(parse(&bytes[..40]).unwrap_err().to_string().contains("cut off"));
        assert!(parse(&[0; 64]).unwrap_err().to_string().contains("no recording"));
    }
}
