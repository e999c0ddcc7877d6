//! The request log, as it is read: one slot per request, laid out before the load starts and filled
//! in place by the pacer and the runtime under test.
//!
//! The file is a row of 64-bit words in the machine's own byte order: [`HEADER_WORDS`] of header,
//! then [`SLOT_WORDS`] a request. A zero means "did not happen"; times are `CLOCK_MONOTONIC`
//! nanoseconds.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Name of the request log inside a recording.
pub const REQUESTS: &str = "requests.bin";

/// Name of the log of the null target, which shows the least response time that can be seen here.
pub const FLOOR: &str = "floor.bin";

/// The first word of the file.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LABREQS\n");

/// The layout that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// Words before the first slot.
pub const HEADER_WORDS: usize = 32;

/// Words a slot: intended, sent, first poll, end.
pub const SLOT_WORDS: usize = 4;

/// Set in a slot's end when the request was dropped unanswered. Monotonic time reaches the two
/// flags in 146 years.
pub const LOST: u64 = 1 << 63;

/// Set in a slot's end when the answer was an error.
pub const ERROR: u64 = 1 << 62;

/// Header words that are set while the load runs. The first ones are fixed when the log is made.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub enum Mark {
    /// Requests that were sent so far.
    Sent = 6,
    /// When the run stopped waiting for answers.
    ClosedNs = 7,
    /// CPU time of the pacer's thread.
    PacerCpuNs = 8,
    /// Time that the pacer spent sending.
    PacerSendNs = 9,
    /// Time from the pacer's begin to its end.
    PacerWallNs = 10,
    /// CPU time of the process at the begin of the measured time.
    CpuBeginNs = 11,
    /// CPU time of the process at the end of the measured time.
    CpuEndNs = 12,
    /// 1 if the pacer spins before each request.
    PacerSpins = 13,
    /// Cores that the run may use.
    Cores = 14,
    /// Time that the pacer spent waking the runtime.
    PacerWakeNs = 15,
    /// When the load was stopped before its schedule had ended.
    StoppedNs = 16,
    /// Allocations before the measured time.
    AllocsBegin = 17,
    /// Bytes allocated before the measured time.
    AllocBytesBegin = 18,
    /// Allocations up to the end of the measured time.
    AllocsEnd = 19,
    /// Bytes allocated up to the end of the measured time.
    AllocBytesEnd = 20,
}

/// The header of a request log. Absent numbers were not reached before the run was cut off.
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
    /// Whether it was answered with an error.
    pub error: bool,
}

/// Opens a log and reads its header; the entries follow from the iterator, up to where the file
/// ends.
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

/// What was asked for so far. A reallocation counts once, with its new size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls that asked for memory.
    pub allocs: u64,
    /// Bytes that they asked for.
    pub bytes: u64,
}

impl Totals {
    /// What was asked for between two looks.
    pub fn since(self, earlier: Totals) -> Totals {
        Totals { allocs: self.allocs - earlier.allocs, bytes: self.bytes - earlier.bytes }
    }
}

/// What following a schedule took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// CPU time of the calling thread, spinning included.
    pub cpu_ns: u64,
    /// Spent sending, from the look at the clock that found a deadline reached to the next one.
    /// Sending that was interrupted is left out.
    pub send_ns: u64,
    /// The part of it that was spent waking the target, as far as `send` reported it.
    pub wake_ns: u64,
    /// From begin to end.
    pub wall_ns: u64,
}
