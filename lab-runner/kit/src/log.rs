//! The request log: one slot per request, built before the load starts and filled in place by the pacer and
//! the runtime under test. Both its writer and its reader live here, so that the layout is told once.
//!
//! The file is a row of 64-bit words in the machine's own byte order: [`HEADER_WORDS`] of header, then
//! [`SLOT_WORDS`] a request. A zero means "did not happen"; times are `CLOCK_MONOTONIC` nanoseconds.

use crate::alloc::Totals;
use crate::pacer::Cost;
use crate::schedule;
use crate::words::Words;
use crate::{Load, clock};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Name of the request log inside a recording.
pub const REQUESTS: &str = "requests.bin";
/// Name of the log of the null target, which shows the least response time that can be seen here.
pub const FLOOR: &str = "floor.bin";

const MAGIC: u64 = u64::from_le_bytes(*b"LABREQS\n");
const VERSION: u64 = 1;
/// Words before the first slot.
pub const HEADER_WORDS: usize = 32;
/// Words a slot: intended, sent, first poll, end.
pub const SLOT_WORDS: usize = 4;
/// Set in a slot's end when the request was dropped unanswered. Monotonic time reaches this bit in 292 years.
const LOST: u64 = 1 << 63;

/// Header words that are set while the load runs. The first ones are fixed when the log is made.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(crate) enum Mark {
    Sent = 6,
    ClosedNs = 7,
    PacerCpuNs = 8,
    PacerSendNs = 9,
    PacerWallNs = 10,
    CpuBeginNs = 11,
    CpuEndNs = 12,
    PacerSpins = 13,
    Cores = 14,
    PacerWakeNs = 15,
    StoppedNs = 16,
    AllocsBegin = 17,
    AllocBytesBegin = 18,
    AllocsEnd = 19,
    AllocBytesEnd = 20,
}

/// The writing side, shared by the pacer, the acceptor and the requests.
#[derive(Debug)]
pub(crate) struct RequestLog {
    words: Words,
    /// Requests in the log.
    pub count: usize,
    /// Requests of the warm-up, which come first.
    pub excluded: usize,
    /// Begin of the measured time.
    pub window_ns: u64,
}

impl RequestLog {
    /// Lays the whole schedule of a load into a new file; its first request is due at `start_in_ns` from now.
    pub fn create(path: &Path, load: &Load, start_in_ns: u64) -> io::Result<RequestLog> {
        let (times, excluded) = schedule::of_load(load);
        let words = Words::create(path, HEADER_WORDS + SLOT_WORDS * times.len())?;
        let start_ns = clock::now_ns() + start_in_ns;
        let window_ns = start_ns + load.warmup().as_nanos() as u64;
        let log = RequestLog { words, count: times.len(), excluded, window_ns };
        let fixed = [MAGIC, VERSION, times.len() as u64, excluded as u64, start_ns, window_ns];
        for (word, value) in log.words.as_slice().iter().zip(fixed) {
            word.store(value, Ordering::Relaxed);
        }
        for (number, time) in times.into_iter().enumerate() {
            log.slot(number)[0].store(start_ns + time, Ordering::Relaxed);
        }
        Ok(log)
    }

    fn slot(&self, number: usize) -> &[AtomicU64] {
        &self.words.as_slice()[HEADER_WORDS + SLOT_WORDS * number..][..SLOT_WORDS]
    }

    pub fn mark(&self, mark: Mark) -> &AtomicU64 {
        &self.words.as_slice()[mark as usize]
    }

    pub fn intended_ns(&self, number: usize) -> u64 {
        self.slot(number)[0].load(Ordering::Relaxed)
    }

    /// Publishes a request: everything before `number` is sent once this returns.
    pub fn send(&self, number: usize, now_ns: u64) {
        self.slot(number)[1].store(now_ns, Ordering::Relaxed);
        // Pairs with the acceptor's look after it said that it would sleep: see `bell`.
        self.mark(Mark::Sent).store(number as u64 + 1, Ordering::SeqCst);
    }

    pub fn first_poll(&self, number: usize) {
        self.slot(number)[2].store(clock::now_ns(), Ordering::Relaxed);
    }

    pub fn end(&self, number: usize, answered: bool) {
        let fate = if answered { 0 } else { LOST };
        self.slot(number)[3].store(clock::now_ns() | fate, Ordering::Relaxed);
    }
}

/// What the header of a request log says. Absent numbers were not reached before the run was cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Requests that the schedule holds, warm-up included.
    pub scheduled: usize,
    /// How many of them are warm-up.
    pub excluded: usize,
    /// Time zero of the schedule.
    pub start_ns: u64,
    /// Begin of the measured time.
    pub window_ns: u64,
    /// When the load was stopped before its schedule had ended: nothing was offered after that.
    pub stopped_ns: Option<u64>,
    /// When the run stopped waiting for answers; later ends are as good as never.
    pub closed_ns: Option<u64>,
    /// What the pacer used.
    pub pacer: Option<Cost>,
    /// CPU time of the process within the measured time, the pacer's left out.
    pub cpu_ns: Option<u64>,
    /// Memory that was asked for within the measured time, if the binary's allocator counts.
    pub allocs: Option<Totals>,
    /// Whether the pacer spun before each request.
    pub spins: bool,
    /// Cores that the run could use.
    pub cores: usize,
}

/// One request as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// When the schedule wanted it sent.
    pub intended_ns: u64,
    /// When the pacer sent it.
    pub sent_ns: Option<u64>,
    /// When the runtime first polled it.
    pub first_poll_ns: Option<u64>,
    /// When it ended.
    pub ended_ns: Option<u64>,
    /// Whether it was dropped without an answer.
    pub lost: bool,
}

/// Opens a log and reads its header; the entries follow from the iterator, up to where the file ends.
///
/// # Errors
/// If the file cannot be read, is no request log, or was written by a newer lab.
pub fn read(path: &Path) -> io::Result<(Header, Entries)> {
    let mut file = BufReader::new(File::open(path)?);
    let mut words = [0; HEADER_WORDS];
    for word in &mut words {
        *word = next_word(&mut file)?.ok_or_else(|| invalid("is cut off in its header"))?;
    }
    match (words[0], words[1]) {
        (MAGIC, VERSION) => {}
        (MAGIC, newer) => return Err(invalid(&format!("has format {newer}, this lab reads format {VERSION}"))),
        _ => return Err(invalid("is no request log")),
    }
    let header = header(&words);
    Ok((header, Entries { file, left: header.scheduled }))
}

fn header(words: &[u64; HEADER_WORDS]) -> Header {
    let at = |mark: Mark| words[mark as usize];
    let set = |value: u64| (value > 0).then_some(value);
    Header {
        scheduled: words[2] as usize,
        excluded: words[3] as usize,
        start_ns: words[4],
        window_ns: words[5],
        stopped_ns: set(at(Mark::StoppedNs)),
        closed_ns: set(at(Mark::ClosedNs)),
        pacer: set(at(Mark::PacerWallNs)).map(|wall_ns| Cost {
            cpu_ns: at(Mark::PacerCpuNs),
            send_ns: at(Mark::PacerSendNs),
            wake_ns: at(Mark::PacerWakeNs),
            wall_ns,
        }),
        cpu_ns: set(at(Mark::CpuEndNs)).map(|end| end.saturating_sub(at(Mark::CpuBeginNs))),
        allocs: set(at(Mark::AllocsEnd)).map(|allocs| Totals {
            allocs: allocs.saturating_sub(at(Mark::AllocsBegin)),
            bytes: at(Mark::AllocBytesEnd).saturating_sub(at(Mark::AllocBytesBegin)),
        }),
        spins: at(Mark::PacerSpins) == 1,
        cores: at(Mark::Cores) as usize,
    }
}

/// The requests of a log, in the order of the schedule.
#[derive(Debug)]
pub struct Entries {
    file: BufReader<File>,
    left: usize,
}

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut slot = [0; SLOT_WORDS];
        for word in &mut slot {
            match next_word(&mut self.file) {
                Ok(Some(value)) => *word = value,
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(entry(slot)))
    }
}

fn entry([intended_ns, sent, first_poll, end]: [u64; SLOT_WORDS]) -> Entry {
    let set = |value: u64| (value > 0).then_some(value);
    Entry {
        intended_ns,
        sent_ns: set(sent),
        first_poll_ns: set(first_poll),
        ended_ns: set(end & !LOST),
        lost: end & LOST != 0,
    }
}

fn next_word(file: &mut impl Read) -> io::Result<Option<u64>> {
    let mut bytes = [0; 8];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(u64::from_ne_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the request log {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small_log(folder: &Path) -> RequestLog {
        let load = Load { rate: 100.0, warmup_ms: 20, duration_ms: 100, ..Load::DEFAULT };
        RequestLog::create(&folder.join(REQUESTS), &load, 0).unwrap()
    }

    #[test]
    fn what_was_written_is_read_while_the_writer_still_lives() {
        let folder = tempfile::tempdir().unwrap();
        let log = small_log(folder.path());
        log.send(0, log.intended_ns(0) + 5);
        log.first_poll(0);
        log.end(0, true);
        log.send(1, log.intended_ns(1) + 7);
        log.end(1, false);
        let (header, entries) = read(&folder.path().join(REQUESTS)).unwrap();
        let entries: Vec<Entry> = entries.map(Result::unwrap).collect();
        assert_eq!((header.scheduled, header.excluded), (12, 2));
        assert_eq!(header.closed_ns, None, "nobody closed it");
        assert_eq!(entries[0].sent_ns, Some(entries[0].intended_ns + 5));
        assert!(entries[0].ended_ns >= entries[0].first_poll_ns && !entries[0].lost);
        assert!(entries[1].lost && entries[1].first_poll_ns.is_none());
        assert_eq!(entries[2].sent_ns, None);
    }

    #[test]
    fn a_log_that_was_cut_off_is_read_up_to_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(REQUESTS);
        small_log(folder.path());
        File::options().write(true).open(&path).unwrap().set_len((HEADER_WORDS as u64 + 9) * 8).unwrap();
        let (header, entries) = read(&path).unwrap();
        assert_eq!((header.scheduled, entries.count()), (12, 2));
    }

    #[test]
    fn a_newer_or_foreign_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(REQUESTS);
        let write = |version: u64| {
            let mut words = [0; HEADER_WORDS];
            (words[0], words[1]) = (MAGIC, version);
            std::fs::write(&path, words.map(u64::to_ne_bytes).concat()).unwrap();
        };
        write(VERSION + 1);
        assert!(read(&path).unwrap_err().to_string().contains("format 2"));
        std::fs::write(&path, [b'x'; 512]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no request log"));
        std::fs::write(&path, "short").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("cut off"));
    }
}
