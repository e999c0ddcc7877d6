//! Reads `alloc.bin`, up to [`FILE_LIMIT`] bytes. Of a file that is cut off, the part before the
//! cut is read.

use crate::alloc::format::{FILE_LIMIT, HEADER_WORDS, MAGIC, RECORD_WORDS, VERSION, at, of_head};
use crate::plain_file;
use anyhow::{Context, ensure};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Sampled allocations of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Initial mean bytes between samples.
    pub every: u64,
    /// Number of samples, including those without a record because the file was full.
    pub due: u64,
    /// Number of all allocations during the sampling.
    pub allocs: u64,
    /// Bytes of all allocations during the sampling.
    pub bytes: u64,
    /// Path of the program.
    pub executable: PathBuf,
    /// The program's length in bytes and its last change in nanoseconds since 1970; zeros if
    /// unknown.
    pub stamp: (u64, u64),
    /// The text of the program's `/proc/self/maps`.
    pub maps: String,
    /// The samples.
    pub samples: Vec<Sample>,
    /// Number of incomplete records: the run was killed while a thread wrote them.
    pub damaged: u64,
    /// Bytes of the file up to its last record.
    pub used_bytes: u64,
}

/// A sampled allocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Bytes of the allocation.
    pub size: u64,
    /// Mean bytes between samples when it was taken.
    pub every: u64,
    /// Return addresses of its stack, innermost first.
    pub frames: Vec<u64>,
}

impl Sample {
    /// The bytes that the sample stands for: its size divided by the probability that an allocation
    /// of this size is sampled.
    pub fn weight(&self) -> f64 {
        let size = self.size as f64;
        size / -(-size / self.every as f64).exp_m1()
    }
}

impl Recording {
    /// Number of samples without a record, because the file was full.
    pub fn lost(&self) -> u64 {
        self.due.saturating_sub(self.samples.len() as u64 + self.damaged)
    }
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read, is not a recording of allocations, or has another version.
pub fn read(path: &Path) -> anyhow::Result<Recording> {
    let of_file = || format!("cannot read {}", path.display());
    let mut file = plain_file::open(path, plain_file::LOG).with_context(of_file)?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEADER_WORDS as u64 * 8).read_to_end(&mut bytes).with_context(of_file)?;
    let rest = used(&bytes).saturating_sub(bytes.len() as u64);
    bytes.reserve_exact(rest as usize);
    file.take(rest).read_to_end(&mut bytes).with_context(of_file)?;
    parse(&bytes).with_context(|| path.display().to_string())
}

/// How many bytes of a file hold something, by its header: the rest is room for samples that did
/// not come, which takes memory if it is read.
fn used(head: &[u8]) -> u64 {
    let head = words(head);
    let word = |at: usize| head.get(at).copied().unwrap_or_default();
    let texts = word(at::EXECUTABLE).saturating_add(word(at::MAPS)).saturating_add(16);
    let records = word(at::DUE).min(word(at::CAPACITY)).saturating_mul(RECORD_WORDS as u64 * 8);
    texts.saturating_add(records).saturating_add(HEADER_WORDS as u64 * 8).min(FILE_LIMIT)
}

/// Parses the contents of a file.
///
/// # Errors
/// If it is not a recording of allocations, is cut off in its header, or has another version.
pub fn parse(bytes: &[u8]) -> anyhow::Result<Recording> {
    let (head, rest) =
        bytes.split_at_checked(HEADER_WORDS * 8).context("is cut off in its header")?;
    let head = words(head);
    ensure!(head[at::MAGIC] == MAGIC, "is not a recording of allocations");
    ensure!(
        head[at::VERSION] == VERSION,
        "has format {}, this lab reads format {VERSION}",
        head[at::VERSION]
    );
    ensure!(head[at::EVERY] > 0, "has no sampling rate");
    let (executable, rest) =
        text(rest, head[at::EXECUTABLE]).context("is cut off in its header")?;
    let (maps, rest) = text(rest, head[at::MAPS]).context("is cut off in its header")?;
    let mut recording = Recording {
        every: head[at::EVERY],
        due: head[at::DUE],
        allocs: head[at::ALLOCS],
        bytes: head[at::BYTES],
        executable: executable.into(),
        stamp: (head[at::STAMP_LENGTH], head[at::STAMP_CHANGED]),
        maps,
        ..Recording::default()
    };
    let wanted = usize::try_from(head[at::DUE].min(head[at::CAPACITY])).unwrap_or(usize::MAX);
    let records = || rest.chunks_exact(RECORD_WORDS * 8).take(wanted);
    recording.samples = records().filter_map(sample).collect();
    recording.damaged = (records().count() - recording.samples.len()) as u64;
    recording.used_bytes = (bytes.len() - rest.len() + records().count() * RECORD_WORDS * 8) as u64;
    Ok(recording)
}

/// A text of `length` bytes, padded to whole words, and the bytes after it.
fn text(bytes: &[u8], length: u64) -> Option<(String, &[u8])> {
    let length = usize::try_from(length).ok()?;
    let (text, rest) = bytes.split_at_checked(length.checked_next_multiple_of(8)?)?;
    Some((String::from_utf8_lossy(&text[..length]).into_owned(), rest))
}

fn sample(record: &[u8]) -> Option<Sample> {
    let words = words(record);
    let (depth, every) = of_head(words[0])?;
    (words[1] > 0).then(|| Sample { size: words[1], every, frames: words[2..2 + depth].to_vec() })
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks::<8>().0.iter().copied().map(u64::from_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::format::head;
    use proptest::prelude::*;

    /// A file with a record for each size; a size of zero makes an incomplete record.
    fn file(sizes: &[u64]) -> Vec<u8> {
        let mut words = vec![0; HEADER_WORDS];
        let due = sizes.len() as u64 + 5;
        let start = [(at::MAGIC, MAGIC), (at::VERSION, VERSION), (at::EVERY, 100), (at::DUE, due)];
        let rest = [
            (at::CAPACITY, sizes.len() as u64),
            (at::BYTES, 7_000),
            (at::EXECUTABLE, 3),
            (at::MAPS, 9),
        ];
        start.into_iter().chain(rest).for_each(|(at, word)| words[at] = word);
        words.extend([
            u64::from_le_bytes(*b"lab\0\0\0\0\0"),
            u64::from_le_bytes(*b"maps, an"),
            u64::from(b'd'),
        ]);
        for size in sizes {
            let finished = if *size > 0 { head(2, 100) } else { 0 };
            words.extend([finished, *size, 11, 22]);
            words.resize(words.len() + RECORD_WORDS - 4, 0);
        }
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    #[test]
    fn samples_are_read_with_their_weights() {
        let recording = parse(&file(&[1, 0, 100_000])).unwrap();
        assert_eq!((recording.samples.len(), recording.damaged, recording.lost()), (2, 1, 5));
        assert_eq!(
            (recording.executable.to_str(), recording.maps.as_str()),
            (Some("lab"), "maps, and")
        );
        assert_eq!(recording.samples[0].frames, [11, 22]);
        let weights: Vec<f64> = recording.samples.iter().map(Sample::weight).collect();
        assert!(
            (weights[0] - 100.5).abs() < 0.01 && (weights[1] - 100_000.0).abs() < 1e-6,
            "{weights:?}"
        );
    }

    #[test]
    fn a_file_that_is_cut_off_is_read_up_to_the_cut() {
        let bytes = file(&[1, 2, 3]);
        let whole = parse(&bytes).unwrap();
        let mut most = 0;
        for length in (0..bytes.len()).step_by(5) {
            let Ok(part) = parse(&bytes[..length]) else { continue };
            assert_eq!(part.samples, whole.samples[..part.samples.len()]);
            most = most.max(part.samples.len());
        }
        assert_eq!(most, 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_changed_word_is_an_error_or_a_part(at in 0usize..30, word: u64) {
            let mut bytes = file(&[1, 2, 3]);
            bytes[at * 8..][..8].copy_from_slice(&word.to_le_bytes());
            if let Ok(recording) = parse(&bytes) {
                prop_assert!(recording.samples.iter().all(|sample| sample.weight() > 0.0));
            }
        }

        #[test]
        fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            prop_assert!(parse(&bytes).is_err());
        }
    }
}
