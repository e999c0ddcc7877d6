//! The probe: counters that a scenario reports about itself. Like the request log they survive a
//! kill of the process.

use crate::clock;
use lab_recording::counters::{
    BEGIN_NS, COUNTERS, END_NS, ENTRY_WORDS, HEADER_WORDS, MAGIC, MOST, NAME_BYTES, NAME_WORDS,
    VERSION,
};
use lab_recording::words::Words;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

/// Makes counters and stopwatches. Cheap to clone; all clones write to one file.
#[derive(Clone)]
pub struct Probe {
    words: Arc<Words>,
    names: Arc<Mutex<Vec<String>>>,
}

/// A named number of the running variant, which becomes a metric of its recording. Cheap to clone,
/// never blocks.
///
/// A counter that was never written is absent from the recording, and not zero.
#[derive(Clone)]
pub struct Counter {
    words: Arc<Words>,
    at: usize,
}

impl Probe {
    pub(crate) fn create(folder: &Path) -> io::Result<Probe> {
        let words = Words::create(&folder.join(COUNTERS), HEADER_WORDS + MOST * ENTRY_WORDS)?;
        words.as_slice()[0].store(MAGIC, Ordering::Relaxed);
        words.as_slice()[1].store(VERSION, Ordering::Relaxed);
        Ok(Probe { words: Arc::new(words), names: Arc::default() })
    }

    /// The counter with this name; a second call returns the same counter. The name ends with the
    /// unit unless it counts things: `import_us`, `messages_stored`.
    ///
    /// # Errors
    /// If the name is not a lower-case word of up to 48 bytes, if it begins like one of the lab's
    /// own metrics, or if there are 64 counters already.
    pub fn counter(&self, name: &str) -> anyhow::Result<Counter> {
        check_name(name)?;
        self.own_counter(name)
    }

    /// A stopwatch with this name, for something that may never end. Its metric is `name_us`, which
    /// is a lower bound if the run ended before the stopwatch.
    ///
    /// # Errors
    /// As [`Probe::counter`].
    pub fn stopwatch(&self, name: &str) -> anyhow::Result<Stopwatch> {
        let begin = self.counter(&format!("{name}{BEGIN_NS}"))?;
        Ok(Stopwatch { begin, end: self.counter(&format!("{name}{END_NS}"))? })
    }

    /// A counter with a name that is reserved for the lab.
    pub(crate) fn own_counter(&self, name: &str) -> anyhow::Result<Counter> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match names.iter().position(|n| n == name) {
            Some(index) => index,
            None => {
                anyhow::ensure!(
                    names.len() < MOST,
                    "there are {MOST} counters already: '{name}' has no room"
                );
                self.write_name(names.len(), name);
                names.push(name.to_owned());
                names.len() - 1
            }
        };
        Ok(Counter {
            words: Arc::clone(&self.words),
            at: HEADER_WORDS + index * ENTRY_WORDS + NAME_WORDS,
        })
    }

    fn write_name(&self, index: usize, name: &str) {
        let mut bytes = [0; NAME_BYTES];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        let words = &self.words.as_slice()[HEADER_WORDS + index * ENTRY_WORDS..];
        for (word, chunk) in words.iter().zip(bytes.as_chunks::<8>().0) {
            word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
    }
}

/// Times something that may never end. Start and end are recorded separately, so that a run that
/// was killed in between shows the time up to then.
#[derive(Clone, Debug)]
pub struct Stopwatch {
    begin: Counter,
    end: Counter,
}

impl Stopwatch {
    /// Starts the stopwatch.
    pub fn begin(&self) {
        self.begin.set(clock::now_ns());
    }

    /// Stops the stopwatch.
    pub fn end(&self) {
        self.end.set(clock::now_ns());
    }
}

/// First words of the names of the lab's own metrics.
const TAKEN: [&str; 22] = [
    "peak",
    "switches",
    "accepted",
    "allocs",
    "alloc",
    "batch",
    "polls",
    "runtime",
    "machine",
    "response",
    "pacer",
    "wait",
    "service",
    "offered",
    "sent",
    "completed",
    "lost",
    "errors",
    "unfinished",
    "wall",
    "cpu",
    "steal",
];

fn check_name(name: &str) -> anyhow::Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let word = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(allowed);
    anyhow::ensure!(
        word && name.len() <= NAME_BYTES,
        "a counter's name is a lower-case word, 48 bytes at most: '{name}'"
    );
    let taken = name.split('_').next().is_some_and(|first| TAKEN.contains(&first));
    anyhow::ensure!(
        !taken,
        "a metric of the lab begins like '{name}': give the counter another name"
    );
    Ok(())
}

impl Counter {
    /// Adds `n` to the value.
    pub fn add(&self, n: u64) {
        self.word(0).fetch_add(n, Ordering::Relaxed);
        self.word(1).store(1, Ordering::Relaxed);
    }

    /// Replaces the value.
    pub fn set(&self, n: u64) {
        self.word(0).store(n, Ordering::Relaxed);
        self.word(1).store(1, Ordering::Relaxed);
    }

    /// Raises the value to `n`, unless it is larger already.
    pub fn raise_to(&self, n: u64) {
        self.word(0).fetch_max(n, Ordering::Relaxed);
        self.word(1).store(1, Ordering::Relaxed);
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        &self.words.as_slice()[self.at + offset]
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("names", &self.names).finish_non_exhaustive()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counter({})", self.word(0).load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::counters::read;

    #[test]
    fn counters_that_were_written_are_read_while_their_writer_exists() {
        let folder = tempfile::tempdir().unwrap();
        let probe = Probe::create(folder.path()).unwrap();
        probe.counter("messages_stored").unwrap().add(3);
        probe.counter("messages_stored").unwrap().add(4);
        probe.counter("longest_freeze_us").unwrap().raise_to(9);
        probe.counter("longest_freeze_us").unwrap().raise_to(5);
        probe.counter("never_written").unwrap();
        let read = read(&folder.path().join(COUNTERS)).unwrap();
        assert_eq!(read, [("messages_stored".into(), 7), ("longest_freeze_us".into(), 9)]);
    }

    #[test]
    fn a_counter_needs_a_valid_name_and_room() {
        let folder = tempfile::tempdir().unwrap();
        let probe = Probe::create(folder.path()).unwrap();
        for name in ["", "Greeted", "two words", "9_lives", "wait_us", "lost", &"x".repeat(49)] {
            assert!(probe.counter(name).is_err(), "{name}");
        }
        assert!(probe.counter("waiters").is_ok());
        for n in 1..64 {
            probe.counter(&format!("counter_{n}")).unwrap();
        }
        assert!(probe.counter("one_more").is_err());
        assert!(probe.counter("counter_63").is_ok());
    }
}
