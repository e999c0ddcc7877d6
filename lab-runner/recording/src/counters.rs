//! The counters of a recording, `counters.bin`: named numbers that survive a kill.

use crate::plain_file;
use anyhow::Context;
use std::path::Path;

/// Name of the counters' file inside a recording.
pub const COUNTERS: &str = "counters.bin";

/// The first word of the file.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABCNTS\n");

/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// Words before the first counter: [`MAGIC`] and [`VERSION`].
pub const HEADER_WORDS: usize = 2;

/// Most counters of a run.
pub const MOST: usize = 64;

/// Words of a counter's name.
pub const NAME_WORDS: usize = 6;

/// Bytes of a counter's name; a shorter one is followed by zeros.
pub const NAME_BYTES: usize = NAME_WORDS * 8;

/// Words of a counter: its name, its value, and 1 once it was written.
pub const ENTRY_WORDS: usize = NAME_WORDS + 2;

/// Suffix of the counter with the start of a stopwatch, in nanoseconds of `CLOCK_MONOTONIC`.
pub const BEGIN_NS: &str = "_begin_ns";

/// Suffix of the counter with the end of a stopwatch.
pub const END_NS: &str = "_end_ns";

/// Reads the counters of a recording that were written at least once.
///
/// # Errors
/// If the file cannot be read, is not a file of counters, or was written by a newer lab.
pub fn read(path: &Path) -> anyhow::Result<Vec<(String, u64)>> {
    let bytes = plain_file::read(path, plain_file::DOCUMENT)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let words: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    match words.get(..HEADER_WORDS) {
        Some([MAGIC, VERSION]) => {}
        Some([MAGIC, newer]) => {
            anyhow::bail!("the counters have format {newer}, this lab reads format {VERSION}")
        }
        _ => anyhow::bail!("{} holds no counters", path.display()),
    }
    let entries = words[HEADER_WORDS..].chunks_exact(ENTRY_WORDS);
    let counters: Vec<(String, u64)> =
        entries.filter(|entry| entry[NAME_WORDS + 1] == 1).map(counter_of).collect();
    // Nanoseconds since the host started reach that after 146 years, and nothing counts faster.
    const MOST_VALUE: u64 = 1 << 62;
    if let Some((name, value)) = counters.iter().find(|(_, value)| *value >= MOST_VALUE) {
        anyhow::bail!("{name} is {value}, which nothing counts to");
    }
    Ok(counters)
}

fn counter_of(entry: &[u64]) -> (String, u64) {
    let bytes: Vec<u8> = entry[..NAME_WORDS].iter().flat_map(|word| word.to_ne_bytes()).collect();
    let name = String::from_utf8_lossy(&bytes);
    (name.trim_end_matches('\0').to_owned(), entry[NAME_WORDS])
}
