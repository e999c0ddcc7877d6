//! Reads `sched.bin`: first the heads of all blocks, then single blocks on request. A file that is
//! cut off is read up to the cut, and implausible values in a block end the reading.

use crate::plain_file;
use crate::scheduler::axis::{Axis, Pair};
use crate::scheduler::encode::take_event;
use crate::scheduler::format::{
    BLOCK_HEADER, Before, FILE_LIMIT, HEADER, LANES, MAGIC, MOST_BLOCK, MOST_PLACES, Numbers,
    VERSION, about, kind,
};
use crate::scheduler::record::{Kind, Record};
use crate::scheduler::{Blocks, CoreWait, Counters, Dropped, Event, Known, Place, Probe, What};
use anyhow::{Context, ensure};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Most entries of each list beside the events: enough for a run of three hours, and a bound of the
/// memory for a hostile file.
const MOST_KNOWN: usize = 1 << 20;
/// Bytes of the longest varint.
const LONGEST: usize = 10;

/// A recording of the scheduler.
#[derive(Debug)]
pub struct Recording {
    source: Source,
    lanes: Vec<Vec<At>>,
    axis: Axis,
    /// The data beside the events.
    pub known: Known,
}

/// The bytes of the recording.
#[derive(Debug)]
enum Source {
    File(File),
    Bytes(Vec<u8>),
}

/// Position of the contents of a block of events.
#[derive(Clone, Copy, Debug)]
struct At {
    offset: u64,
    length: u32,
}

/// Opens a file.
///
/// # Errors
/// If it cannot be read, is not a recording of a scheduler, or has another version.
pub fn read(path: &Path) -> anyhow::Result<Recording> {
    let file = plain_file::open(path, plain_file::LOG)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let length = file.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
    open(Source::File(file), length).with_context(|| path.display().to_string())
}

/// Reads the contents of a file.
///
/// # Errors
/// If it is not a recording of a scheduler, or has another version.
pub fn parse(bytes: Vec<u8>) -> anyhow::Result<Recording> {
    let length = bytes.len() as u64;
    open(Source::Bytes(bytes), length)
}

fn open(source: Source, length: u64) -> anyhow::Result<Recording> {
    let mut header = [0; HEADER];
    let read = source.read(0, &mut header).context("cannot read")?;
    ensure!(read == HEADER && header[..MAGIC.len()] == *MAGIC, "is not a recording of a scheduler");
    let version = header[MAGIC.len()];
    ensure!(
        version == VERSION,
        "has format {version}, this lab reads format {VERSION}: use the lab that made it"
    );
    let mut index =
        Index { length: length.min(FILE_LIMIT + (MOST_BLOCK as u64)), ..Index::default() };
    index.lanes = vec![Vec::new(); LANES + 1];
    let mut at = HEADER as u64;
    while let Some(next) = index.block(&source, at) {
        at = next;
    }
    index.known.cut = at < length;
    Ok(index.finish(source))
}

impl Source {
    /// Fills the buffer from an offset on, up to the end. Returns the number of bytes.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Bytes(bytes) => {
                let rest = bytes.get(offset as usize..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Source::File(file) => fill(file, offset, buffer),
        }
    }
}

fn fill(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The result of reading the heads of blocks, with times in ticks.
#[derive(Default)]
struct Index {
    length: u64,
    lanes: Vec<Vec<At>>,
    blocks: usize,
    pairs: Vec<Pair>,
    known: Known,
}

impl Index {
    /// Reads the block at an offset and returns the offset of the next one; none if there is no
    /// complete block.
    fn block(&mut self, source: &Source, at: u64) -> Option<u64> {
        let mut head = [0; BLOCK_HEADER + LONGEST];
        let read = source.read(at, &mut head).ok()?;
        let (fixed, more) = head[..read].split_at_checked(BLOCK_HEADER)?;
        let length = u32::from_le_bytes(fixed[1..].try_into().ok()?) as usize;
        let contents = at + BLOCK_HEADER as u64;
        let whole = length <= MOST_BLOCK && contents + length as u64 <= self.length;
        let next = contents + length as u64;
        if fixed[0] == kind::EVENTS && length <= MOST_BLOCK {
            // Of a block that is cut off, the part before the cut is read too.
            let there = (length as u64).min(self.length.saturating_sub(contents)) as usize;
            self.events(contents, &more[..more.len().min(there)], there)?;
            return whole.then_some(next);
        }
        let mut bytes = vec![0; length.min(MOST_BLOCK)];
        let read = source.read(contents, &mut bytes).ok()?;
        (whole && read == length && self.keep(fixed[0], Numbers(&bytes)).is_some()).then_some(next)
    }

    fn events(&mut self, contents: u64, begin: &[u8], length: usize) -> Option<()> {
        let mut numbers = Numbers(begin);
        let lane = self.lanes.get_mut(numbers.take()? as usize)?;
        let before = begin.len() - numbers.0.len();
        self.blocks += 1;
        if self.blocks > MOST_KNOWN {
            return None;
        }
        lane.push(At { offset: contents + before as u64, length: (length - before) as u32 });
        Some(())
    }

    fn keep(&mut self, kind: u8, mut numbers: Numbers<'_>) -> Option<()> {
        let known = &mut self.known;
        match kind {
            kind::ABOUT => {
                let flags = numbers.byte()?;
                (known.has_latency, known.sees_polls) =
                    (flags & about::LATENCY != 0, flags & about::POLLS != 0);
            }
            kind::CLOCK => {
                keep(&mut self.pairs, Pair { ticks: numbers.take()?, ns: numbers.take()? })?
            }
            kind::PLACE => {
                let line = numbers.take()? as u32;
                (known.places.len() < MOST_PLACES).then_some(())?;
                known.places.push(Place { line, file: numbers.text() });
            }
            kind::GAP => keep(&mut known.dropped, gap(&mut numbers)?)?,
            kind::COUNTERS => keep(&mut known.counters, counters(&mut numbers)?)?,
            kind::CORE_WAIT => keep(&mut known.core_waits, core_wait(&mut numbers)?)?,
            kind::PROBE => keep(&mut known.probes, probe(&mut numbers)?)?,
            kind::STOPPED => {
                known.unwatched = numbers.take()?;
                known.trouble = Some(numbers.text()).filter(|why| !why.is_empty());
                known.stopped = true;
            }
            _ => return None,
        }
        Some(())
    }

    /// Converts all times to nanoseconds.
    fn finish(self, source: Source) -> Recording {
        let Index { lanes, mut known, pairs, .. } = self;
        let ends = |at: fn(&Pair) -> u64| (pairs.iter().map(at).min(), pairs.iter().map(at).max());
        let (from_ns, until_ns) = ends(|pair| pair.ns);
        (known.from_ns, known.until_ns) = (from_ns.unwrap_or(0), until_ns.unwrap_or(0));
        let axis = Axis::through(pairs);
        let mut hint = 0;
        let mut to_ns = |at: &mut u64| *at = axis.ns(*at, &mut hint);
        known.counters.iter_mut().for_each(|counters| to_ns(&mut counters.at_ns));
        known.core_waits.iter_mut().for_each(|wait| to_ns(&mut wait.at_ns));
        for gap in &mut known.dropped {
            to_ns(&mut gap.from_ns);
            to_ns(&mut gap.until_ns);
        }
        Recording { source, lanes, axis, known }
    }
}

fn keep<T>(all: &mut Vec<T>, one: T) -> Option<()> {
    (all.len() < MOST_KNOWN).then(|| all.push(one))
}

fn gap(numbers: &mut Numbers<'_>) -> Option<Dropped> {
    Some(Dropped {
        lane: numbers.take()? as u16,
        from_ns: numbers.take()?,
        until_ns: numbers.take()?,
        events: numbers.take()?,
    })
}

fn counters(numbers: &mut Numbers<'_>) -> Option<Counters> {
    let (at_ns, runtime) = (numbers.take()?, numbers.take()? as u8);
    let mut value = || Some(numbers.take()?.checked_sub(1));
    Some(Counters {
        at_ns,
        runtime,
        workers: value()?.unwrap_or(0),
        alive_tasks: value()?.unwrap_or(0),
        global_queue: value()?.unwrap_or(0),
        local_queues: value()?,
        steals: value()?,
        forced_yields: value()?,
        blocking_queue: value()?,
        blocking_threads: value()?,
        idle_blocking_threads: value()?,
    })
}

fn core_wait(numbers: &mut Numbers<'_>) -> Option<CoreWait> {
    Some(CoreWait { at_ns: numbers.take()?, thread: numbers.take()?, waited_ns: numbers.take()? })
}

fn probe(numbers: &mut Numbers<'_>) -> Option<Probe> {
    let asked_ns = numbers.take()?;
    let mut some = || Some(Some(numbers.take()?).filter(|ns| *ns != 0));
    Some(Probe { asked_ns, yielded_ns: some()?, answered_ns: some()? })
}

impl Blocks for Recording {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn blocks(&self, lane: usize) -> usize {
        self.lanes.get(lane).map_or(0, Vec::len)
    }

    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>) {
        into.clear();
        let Some(At { offset, length }) = self.lanes.get(lane).and_then(|blocks| blocks.get(block))
        else {
            return;
        };
        let mut bytes = vec![0; *length as usize];
        let there = self.source.read(*offset, &mut bytes).unwrap_or(0);
        let (mut numbers, mut before, mut hint) = (Numbers(&bytes[..there]), Before::default(), 0);
        while let Some(record) = take_event(&mut numbers, &mut before) {
            into.extend(self.event(&record, &mut hint));
        }
    }
}

impl Recording {
    fn event(&self, record: &Record, hint: &mut usize) -> Option<Event> {
        let Kind::Event(what) = record.what else { return None };
        let at_ns = self.axis.ns(record.at, hint);
        let end_ns = if what == What::Poll { self.axis.ns(record.end(), hint) } else { at_ns };
        Some(Event {
            what,
            at_ns,
            length_ns: end_ns.saturating_sub(at_ns),
            task: record.task,
            latency_ns: record.latency_ns,
            place: record.place,
            worker: record.owner.worker,
            runtime: record.owner.runtime,
            budget_spent: record.budget_spent,
            open: record.open,
        })
    }
}
