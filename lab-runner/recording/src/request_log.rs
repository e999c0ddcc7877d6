//! The request log and its reader: one slot per request, made before the load starts and filled in
//! place by the pacer and the runtime under test.
//!
//! The file is a sequence of 64-bit words in native byte order: a header of [`HEADER_WORDS`], then
//! [`SLOT_WORDS`] for each request. Zero means that the event did not happen. Times are nanoseconds
//! of `CLOCK_MONOTONIC`. *Example:* the slot `(7 000, 7 300, 9 000, 0)` is a request that was sent
//! 300 ns late, waited 1.7 µs for its first poll, and has not ended.

use crate::plain_file;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Name of the request log inside a recording.
pub const REQUESTS: &str = "requests.bin";

/// Name of the log of the null target, which measures the floor.
pub const FLOOR: &str = "floor.bin";

/// The first word of the file.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABREQS\n");

/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// Words before the first slot.
pub const HEADER_WORDS: usize = 32;

/// Words of a slot: intended send time, send time, first poll, end.
pub const SLOT_WORDS: usize = 4;

/// Flag in the end of a slot: the request was dropped without an answer. Monotonic time reaches the
/// two flags after 146 years.
pub const LOST: u64 = 1 << 63;

/// Flag in the end of a slot: the answer was an error.
pub const ERROR: u64 = 1 << 62;

/// Indices of header words that are set during the load. Those before them are set when the log is
/// made. Times are in nanoseconds.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub enum Mark {
    /// Number of requests sent so far.
    Sent = 6,
    /// Time at which the run stopped waiting for answers.
    ClosedNs = 7,
    /// CPU time of the pacer's thread.
    PacerCpuNs = 8,
    /// Time that the pacer spent sending.
    PacerSendNs = 9,
    /// Wall time of the pacer.
    PacerWallNs = 10,
    /// CPU time of the process at the start of the measured time.
    CpuBeginNs = 11,
    /// CPU time of the process at the end of the measured time.
    CpuEndNs = 12,
    /// 1 if the pacer spins before each request.
    PacerSpins = 13,
    /// Cores that the run may use.
    Cores = 14,
    /// Time that the pacer spent waking the runtime.
    PacerWakeNs = 15,
    /// Time at which the load was stopped before the end of its schedule.
    StoppedNs = 16,
    /// Allocations before the measured time.
    AllocsBegin = 17,
    /// Bytes allocated before the measured time.
    AllocBytesBegin = 18,
    /// Allocations up to the end of the measured time.
    AllocsEnd = 19,
    /// Bytes allocated up to the end of the measured time.
    AllocBytesEnd = 20,
    /// [Checksum](crate::folder::checksum) of the spec of the run that made the log.
    Spec = 21,
    /// Bytes that were allocated, and not freed, at the begin of the measured time.
    HeldBegin = 22,
    /// The same when the log was closed.
    HeldEnd = 23,
}

/// The header of a request log. Values that were not reached before the end of the run are absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Number of requests in the schedule, warm-up included.
    pub scheduled: usize,
    /// Number of requests of the warm-up.
    pub excluded: usize,
    /// Time zero of the schedule.
    pub start_ns: u64,
    /// Start of the measured time.
    pub window_ns: u64,
    /// Time at which the load was stopped before the end of its schedule; later requests were not
    /// offered.
    pub stopped_ns: Option<u64>,
    /// Time at which the run stopped waiting for answers; later ends do not count.
    pub closed_ns: Option<u64>,
    /// Cost of the pacer.
    pub pacer: Option<Cost>,
    /// CPU time of the process in the measured time and the drain, without the pacer's.
    pub cpu_ns: Option<u64>,
    /// Allocations in the measured time and the drain, if the binary's allocator counts.
    pub allocs: Option<Totals>,
    /// Bytes that were allocated and not freed, at the begin of the measured time and when the log
    /// was closed, if the binary's allocator counts.
    pub held: Option<[u64; 2]>,
    /// Whether the pacer spun before each request.
    pub spins: bool,
    /// Number of cores that the run could use.
    pub cores: usize,
    /// Checksum of the spec of the run; absent in logs of older labs.
    pub spec: Option<u64>,
}

/// One recorded request. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Intended send time.
    pub intended_ns: u64,
    /// Actual send time.
    pub sent_ns: Option<u64>,
    /// First poll of the request's task.
    pub first_poll_ns: Option<u64>,
    /// End of the request.
    pub ended_ns: Option<u64>,
    /// Whether the request was dropped without an answer.
    pub lost: bool,
    /// Whether the answer was an error.
    pub error: bool,
}

/// Opens a log and reads its header. The iterator reads the entries, up to the end of the file.
///
/// # Errors
/// If the file cannot be read, is not a request log, or was written by a newer lab.
pub fn read(path: &Path) -> io::Result<(Header, Entries)> {
    parse(BufReader::new(plain_file::open(path, plain_file::LOG)?))
}

/// Reads the header of a log from its bytes. The iterator reads the entries, up to their end.
///
/// # Errors
/// If it cannot be read, is not a request log, or was written by a newer lab.
pub fn parse<R: Read>(mut file: R) -> io::Result<(Header, Entries<R>)> {
    let mut words = [0; HEADER_WORDS];
    for word in &mut words {
        *word = next_word(&mut file)?.ok_or_else(|| invalid("is cut off in its header"))?;
    }
    match (words[0], words[1]) {
        (MAGIC, VERSION) => {}
        (MAGIC, newer) => {
            return Err(invalid(&format!("has format {newer}, this lab reads format {VERSION}")));
        }
        _ => return Err(invalid("is not a request log")),
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
        held: set(at(Mark::HeldEnd)).map(|end| [at(Mark::HeldBegin), end]),
        spins: at(Mark::PacerSpins) == 1,
        cores: at(Mark::Cores) as usize,
        spec: set(at(Mark::Spec)),
    }
}

/// The requests of a log, in the order of the schedule.
#[derive(Debug)]
pub struct Entries<R = BufReader<File>> {
    file: R,
    left: usize,
}

impl<R: Read> Iterator for Entries<R> {
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
        ended_ns: set(end & !(LOST | ERROR)),
        lost: end & LOST != 0,
        error: end & ERROR != 0,
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

/// Allocations and their bytes. A reallocation counts once, with its new size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of allocations.
    pub allocs: u64,
    /// Bytes of these allocations.
    pub bytes: u64,
}

impl Totals {
    /// The difference from earlier totals.
    pub fn since(self, earlier: Totals) -> Totals {
        Totals { allocs: self.allocs - earlier.allocs, bytes: self.bytes - earlier.bytes }
    }
}

/// The cost of the pacer, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// CPU time of the pacer's thread, spinning included.
    pub cpu_ns: u64,
    /// Time of all sends, each from the reading of the clock that reached the deadline to the next
    /// reading. Interrupted sends are left out.
    pub send_ns: u64,
    /// The part of it that was spent waking the target.
    pub wake_ns: u64,
    /// Wall time from the start of the pacer to its end.
    pub wall_ns: u64,
}
