//! The probe: numbers that a scenario reports about itself. They survive a kill, like the request
//! log.

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

/// Hands out counters and stopwatches. Cheap to clone; all clones write to one file.
#[derive(Clone)]
pub struct Probe {
    words: Arc<Words>,
    names: Arc<Mutex<Vec<String>>>,
}

/// A named number of the running variant: a metric of its recording. Cheap to clone, never blocks.
///
/// It is absent from the recording until it is first written: not measured is not zero.
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

    /// The counter of this name; asking twice gives the same one. End the name with its unit unless
    /// it counts things: `import_us`, `messages_stored`.
    ///
    /// # Errors
    /// If the name is no lower-case word of up to 48 bytes, if it is one of the lab's own metrics,
    /// or if there are 64 counters already.
    pub fn counter(&self, name: &str) -> anyhow::Result<Counter> {
        check_name(name)?;
        self.own_counter(name)
    }

    /// A stopwatch of this name, for something that may never end: the metric is `name_us`, and a
    /// lower bound if the run was over before it.
    ///
    /// # Errors
    /// As [`Probe::counter`].
    pub fn stopwatch(&self, name: &str) -> anyhow::Result<Stopwatch> {
        let begin = self.counter(&format!("{name}{BEGIN_NS}"))?;
        Ok(Stopwatch { begin, end: self.counter(&format!("{name}{END_NS}"))? })
    }

    /// A counter under a name of the lab's own.
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

/// Times something that may never end: both ends are kept, so that a run which was killed in
/// between still shows how long it had been running.
#[derive(Clone, Debug)]
pub struct Stopwatch {
    begin: Counter,
    end: Counter,
}

impl Stopwatch {
    /// It begins now.
    pub fn begin(&self) {
        self.begin.set(clock::now_ns());
    }

    /// It ends now.
    pub fn end(&self) {
        self.end.set(clock::now_ns());
    }
}

/// Names that the lab gives to what it measures itself, by their first word.
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
        "the lab's own metrics begin like '{name}': give the counter another name"
    );
    Ok(())
}

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.word(0).fetch_add(n, Ordering::Relaxed);
        self.word(1).store(1, Ordering::Relaxed);
    }

    /// Replaces the value.
    pub fn set(&self, n: u64) {
        self.word(0).store(n, Ordering::Relaxed);
        self.word(1).store(1, Ordering::Relaxed);
    }

    /// Keeps the larger of `n` and what is there.
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
    fn counters_are_read_while_their_writer_lives_and_only_once_written() {
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
    fn a_counter_needs_a_name_and_a_place() {
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
